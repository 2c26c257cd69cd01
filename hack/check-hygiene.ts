/** Looks through every file of the repository for what must not be in one: hosts of registries, paths of machines, secrets. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { keyspace } from '@weir/keyspace';
import { isTest } from './source-tree.ts';

export interface HygieneRule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly why: string;
  /** Absent: every file. */
  readonly appliesTo?: (file: string) => boolean;
}

export interface HygieneFault {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

const isProduct = (file: string): boolean =>
  /^(?:services|crds|operator|test-e2e)\/.*\.ts$/.test(file) &&
  !isTest(file) &&
  !file.startsWith('services/lib/clock/');

/** Texts that begin like a key or channel: what stands before its first parameter, where that is telling. */
const keyHeads = Object.values(keyspace)
  .map(({ template }) => template.replace(/<.*$/, ''))
  .filter((head) => head.includes(':'))
  .map((head) => RegExp.escape(head));

/** The patterns are written so that they do not match themselves. */
export const hygieneRules: readonly HygieneRule[] = [
  {
    name: 'registry-host',
    pattern:
      /https?:\/\/[\w.:@-]*(?:registry|npmjs|yarnpkg|pypi|pythonhosted|artifactory|nexus)|\b(?:npmjs|yarnpkg)[.](?:org|com)\b|\bpypi[.]org\b|\bpythonhosted[.]org\b/i,
    why: 'the package client’s own setting decides where packages come from',
  },
  {
    name: 'machine-path',
    pattern: /(?<![\w.*}\])-])\/(?:work|root|home|Users)\/[\w.-]/,
    why: 'the path exists on one machine only',
  },
  {
    name: 'private-key',
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    why: 'a private key: make it when it is needed',
  },
  {
    name: 'credential',
    pattern:
      /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|npm_[A-Za-z0-9]{36}|xox[abprs]-[\w-]{10,}|[rs]k_live_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,})\b/,
    why: 'it has the form of a credential',
  },
  {
    name: 'wall-clock',
    pattern: /\bnew Date\(\)|\bTemporal[.]Now\b/,
    why: 'reads the time: take a Clock of @weir/clock',
    appliesTo: isProduct,
  },
  {
    name: 'spelled-key',
    pattern: new RegExp(`['"](?:${keyHeads.join('|')})|\`(?:${keyHeads.join('|')})\\$\\{`),
    why: 'spells a name of Valkey: take it from @weir/keyspace',
    appliesTo: (file) => isProduct(file) && !file.startsWith('services/lib/keyspace/'),
  },
  {
    name: 'unexplained-suppression',
    pattern: /(?:oxlint|eslint)-disable(?:-next-line|-line)?\b(?!.* -- \S)/,
    why: 'say why after " -- "',
    appliesTo: (file) => file.endsWith('.ts'),
  },
];

export function checkText(file: string, text: string): readonly HygieneFault[] {
  const rules = hygieneRules.filter(({ appliesTo }) => appliesTo?.(file) ?? true);
  return text
    .split('\n')
    .flatMap((line, index) =>
      rules
        .filter(({ pattern }) => pattern.test(line))
        .map(({ name, why }) => ({ rule: name, file, line: index + 1, why })),
    );
}

/** Tracked files and those that would be if they were added now. */
function listFiles(root: string): readonly string[] {
  const output = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const isFile = (file: string): boolean =>
    statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile() === true;
  return output.split('\0').filter((file) => file !== '' && isFile(file));
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..');
  const files = listFiles(root);
  const faults = files.flatMap((file) => {
    const bytes = readFileSync(path.join(root, file));
    return bytes.includes(0) ? [] : checkText(file, bytes.toString('utf8'));
  });
  // The matching text is not printed: a log is no better place for a secret.
  for (const { rule, file, line, why } of faults) console.error(`${file}:${line}: ${why} [${rule}]`);
  console.log(`${files.length} files, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
