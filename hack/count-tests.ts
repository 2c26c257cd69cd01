/** Prints "<passed> <failed>" of a vitest JSON report; a run that exited non-zero counts at least one failure. */
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
}

const [reportPath, exitStatus] = process.argv.slice(2);
if (reportPath === undefined || exitStatus === undefined) {
  console.error('usage: node hack/count-tests.ts <vitest report.json> <exit status of the run>');
  process.exit(2);
}
// The cast trusts vitest's own reporter; a report that is not there throws, which the caller counts as a failure.
const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;
const reported = report.numFailedTests > 0 ? report.numFailedTests : report.numFailedTestSuites;
const failed = exitStatus === '0' ? reported : Math.max(1, reported);
console.log(`${report.numPassedTests} ${failed}`);
