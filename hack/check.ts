/** The gate: runs every static check at once, prints one line for each with its time, and the output of those that failed. */
import { spawn } from 'node:child_process';
import path from 'node:path';

export interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** What usually puts it right. */
  readonly fix?: string;
}

export interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

/** Compiler and linter are Go programs that live for seconds: collecting less often saves a quarter of their work. */
const env = { GOGC: '400', ...process.env };

const repository = path.resolve(import.meta.dirname, '..');
const tool = (name: string): string => path.join(repository, 'node_modules/.bin', name);
const script = (name: string): string => path.join(import.meta.dirname, name);

const shippedIssues = ['--include', 'files,dependencies,unlisted,unresolved'];

export const steps: readonly Step[] = [
  { name: 'format', command: [tool('oxfmt'), '--check'], fix: 'npm run format' },
  { name: 'lint', command: [tool('oxlint'), '--format=unix'] },
  // Each checker expands the big types of Fastify and TypeBox for itself: more of them than cores only adds work.
  { name: 'types', command: [tool('tsc'), '-p', '.', '--checkers', '2'] },
  { name: 'imports', command: [process.execPath, script('check-imports.ts')] },
  { name: 'dead code', command: [tool('knip'), '--no-progress', '--treat-config-hints-as-errors'] },
  // What ships, taken alone: files that only tests reach, dependencies of another workspace or of development.
  // Exports are left to the step above: a test may reach for a function that its module alone calls.
  { name: 'dead code in what ships', command: [tool('knip'), '--no-progress', '--strict', ...shippedIssues] },
  { name: 'generated files', command: [process.execPath, script('generate.ts'), '--check'], fix: 'npm run generate' },
  { name: 'hygiene', command: [process.execPath, script('check-hygiene.ts')] },
];

/** Runs one step in a folder; a program that is missing or killed has failed. */
export function runStep(step: Step, cwd: string): Promise<Outcome> {
  const [program, ...args] = step.command;
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (ok: boolean): void => {
      const seconds = (performance.now() - startedMs) / 1_000;
      resolve({ step, ok, seconds, output: Buffer.concat(chunks).toString('utf8') });
    };
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (err) => {
      chunks.push(Buffer.from(`${err.message}\n`));
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

const report = ({ step, ok, seconds }: Outcome): string =>
  `${ok ? 'ok  ' : 'FAIL'} ${seconds.toFixed(1).padStart(5)} s  ${step.name}`;

if (import.meta.main) {
  const startedMs = performance.now();
  const outcomes = await Promise.all(
    steps.map(async (step) => {
      const outcome = await runStep(step, repository);
      console.log(report(outcome));
      return outcome;
    }),
  );
  const failures = outcomes.filter(({ ok }) => !ok);
  for (const { step, output } of failures) {
    console.log(`\n--- ${step.name}: ${step.command.map((part) => path.relative(repository, part) || part).join(' ')}`);
    console.log(output.trimEnd());
    if (step.fix !== undefined) console.log(`fix: ${step.fix}`);
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`\n${outcomes.length - failures.length} checks passed, ${failures.length} failed in ${seconds} s`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
