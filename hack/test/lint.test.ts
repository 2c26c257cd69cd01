/** Each lint rule that a convention rests on is seen to fail: a gate that cannot fail guards nothing. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

interface Planted {
  readonly rule: string;
  readonly code: string;
  /** Default: a file of a service's source. */
  readonly file?: string;
}

const lines = (count: number): string => Array.from({ length: count }, (_, index) => `// ${index}`).join('\n');

const planted: readonly Planted[] = [
  { rule: 'typescript(no-floating-promises)', code: 'export function f(): void { Promise.resolve(1); }' },
  {
    rule: 'typescript(no-misused-promises)',
    code: 'export function f(list: number[]): number[] { return list.filter(async (n) => Promise.resolve(n > 1)); }',
  },
  {
    rule: 'typescript(await-thenable)',
    code: 'export async function f(n: number): Promise<number> { return await n; }',
  },
  {
    rule: 'typescript(unbound-method)',
    code: 'class Part { #open = true; close(): void { this.#open = false; } }\nexport const f = new Part().close;',
  },
  { rule: 'typescript(no-explicit-any)', code: 'export function f(value: any): unknown { return value; }' },
  { rule: 'typescript(no-non-null-assertion)', code: 'export const f = (text?: string): string => text!;' },
  {
    rule: 'typescript(no-unsafe-assignment)',
    code: "export const f = (): void => { const a = JSON.parse('1'); void a; };",
  },
  {
    rule: 'typescript(switch-exhaustiveness-check)',
    code: "export function f(s: 'a' | 'b'): number { switch (s) { case 'a': return 1; } return 2; }",
  },
  {
    rule: 'typescript(consistent-type-imports)',
    code: "import { Stats } from 'node:fs';\nexport const f = (stats: Stats): number => stats.size;",
  },
  { rule: 'import(extensions)', code: "import { g } from './good';\nexport const f = g;" },
  { rule: 'import(no-default-export)', code: 'export default function f(): void {}' },
  { rule: 'unicorn(prefer-node-protocol)', code: "import { readFileSync } from 'fs';\nexport const f = readFileSync;" },
  { rule: 'unicorn(filename-case)', code: 'export const f = 1;', file: 'services/feed/src/camelCase.ts' },
  { rule: 'eslint(no-restricted-properties)', code: 'export const f = (): number => Date.now();' },
  { rule: 'eslint(no-restricted-properties)', code: 'export const f = (): number => performance.now();' },
  { rule: 'eslint(no-restricted-globals)', code: 'export const f = (g: () => void): unknown => setTimeout(g, 1);' },
  { rule: 'eslint(no-restricted-globals)', code: 'export const f = (g: () => void): unknown => setInterval(g, 1);' },
  {
    rule: 'eslint(no-restricted-imports)',
    code: "import { setTimeout } from 'node:timers';\nexport const f = (g: () => void): unknown => setTimeout(g, 1);",
  },
  {
    rule: 'eslint(no-restricted-imports)',
    code: "import { setTimeout } from 'node:timers/promises';\nexport const f = setTimeout;",
  },
  { rule: 'eslint(no-console)', code: "export const f = (): void => console.log('x');" },
  { rule: 'node(no-process-env)', code: "export const f = (): unknown => process.env['X'];" },
  { rule: 'unicorn(no-process-exit)', code: 'export const f = (): never => process.exit(1);' },
  { rule: 'eslint(max-lines)', code: `export const f = 1;\n${lines(301)}` },
  { rule: 'eslint(max-lines-per-function)', code: `export function f(): void {\n${lines(61)}\n}` },
  {
    rule: 'eslint(max-params)',
    code: 'export const f = (a: number, b: number, c: number, d: number, e: number): number => a + b + c + d + e;',
  },
  { rule: 'eslint(no-warning-comments)', code: ['//', 'TODO', 'later\nexport const f = 1;'].join(' ') },
  {
    rule: 'vitest(no-restricted-vi-methods)',
    code: "import { vi } from 'vitest';\nvi.mock('./good.ts');",
    file: 'services/feed/src/planted.test.ts',
  },
  {
    rule: 'vitest(no-restricted-vi-methods)',
    code: "import { vi } from 'vitest';\nvi.useFakeTimers();",
    file: 'services/feed/src/planted-timers.test.ts',
  },
];

const allowed: readonly { readonly file: string; readonly code: string }[] = [
  { file: 'services/feed/src/good.ts', code: 'export const g = 1;' },
  { file: 'services/feed/src/main.ts', code: "console.log(process.env['X']);\nprocess.exit(1);" },
  { file: 'services/lib/clock/index.ts', code: 'export const f = (): number => Date.now();' },
  {
    file: 'services/feed/test/slow.test.ts',
    code: `export function f(): number {\n${lines(400)}\nreturn Date.now(); }`,
  },
  { file: 'hack/tool.ts', code: "console.log(process.env['X'], Date.now());" },
];

let directory = '';
const found = new Map<string, string[]>();
const fileOf = (plant: Planted, index: number): string => plant.file ?? `services/feed/src/planted-${index}.ts`;

beforeAll(async () => {
  // Outside the repository, so that no other check ever sees the planted faults.
  directory = await mkdtemp(path.join(tmpdir(), 'weir-lint-'));
  await symlink(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
  for (const name of ['.oxlintrc.json', 'tsconfig.json'])
    await copyFile(path.join(root, name), path.join(directory, name));
  const files = [...planted.map((plant, index) => ({ file: fileOf(plant, index), code: plant.code })), ...allowed];
  for (const { file, code } of files) {
    await mkdir(path.dirname(path.join(directory, file)), { recursive: true });
    await writeFile(path.join(directory, file), `${code}\n`);
  }
  const oxlint = path.join(root, 'node_modules/.bin/oxlint');
  const output = await run(oxlint, ['-f', 'json'], { cwd: directory }).then(
    () => '{"diagnostics":[]}',
    (err: unknown) => (err as { stdout: string }).stdout,
  );
  const report = JSON.parse(output) as { diagnostics: readonly { code: string; filename: string }[] };
  for (const { code, filename } of report.diagnostics) found.set(filename, [...(found.get(filename) ?? []), code]);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('oxlint with the configuration of the repository', () => {
  it.each(planted.map((plant, index) => [plant.rule, plant.code.split('\n')[0] ?? '', fileOf(plant, index)] as const))(
    '%s refuses %s',
    (rule, _code, file) => {
      expect(found.get(file)).toContain(rule);
    },
  );

  it.each(allowed)('allows $file', ({ file }) => {
    expect(found.get(file)).toBeUndefined();
  });
});
