/** The gate itself, and each of its foreign tools over a small tree with one fault planted: it must fail and name the file. */
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep, steps } from '../check.ts';

const root = path.resolve(import.meta.dirname, '../..');
let folder = '';

const manifest = {
  name: '@weir/feed',
  version: '0.1.0',
  private: true,
  license: 'Apache-2.0',
  type: 'module',
  exports: { '.': './src/app.ts' },
  dependencies: { yaml: '2.0.0' },
};

const good: Readonly<Record<string, string>> = {
  'package.json': `${JSON.stringify({ name: 'weir', private: true, workspaces: ['services/*'], type: 'module' }, null, 2)}\n`,
  'services/feed/package.json': `${JSON.stringify(manifest, null, 2)}\n`,
  'services/feed/src/app.ts':
    "import { parse } from 'yaml';\n\nexport const read = (text: string): unknown => parse(text);\n",
  'services/feed/src/main.ts': "import { read } from './app.ts';\n\nconsole.log(read('a: 1'));\n",
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-check-'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const name of ['.oxfmtrc.json', '.oxlintrc.json', 'tsconfig.json', 'knip.json']) {
    await copyFile(path.join(root, name), path.join(folder, name));
  }
  for (const [name, text] of Object.entries(good)) await write(name, text);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), text);
}

const stepNamed = (name: string): (typeof steps)[number] => {
  const step = steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  // Hints about workspaces that this small tree does not have are not what is tested.
  const [program, ...args] = step.command;
  return { ...step, command: [program, ...args.filter((argument) => argument !== '--treat-config-hints-as-errors')] };
};

const planted: readonly (readonly [step: string, what: string, file: string, text: string])[] = [
  ['format', 'double quotes', 'services/feed/src/planted.ts', 'export const a = "x";\n'],
  [
    'lint',
    'a console in a service',
    'services/feed/src/planted.ts',
    "export const a = (): void => console.log('x');\n",
  ],
  ['types', 'a text for a number', 'services/feed/src/planted.ts', "export const a: number = 'x';\n"],
  ['dead code', 'a file that nothing imports', 'services/feed/src/planted.ts', 'export const a = 1;\n'],
  [
    'dead code',
    'an export that nothing uses',
    'services/feed/src/main.ts',
    `${good['services/feed/src/main.ts'] ?? ''}export {};\nimport './planted.ts';\n`,
  ],
  [
    'dead code in what ships',
    'an import that the workspace does not declare',
    'services/feed/src/main.ts',
    `import 'ajv';\n${good['services/feed/src/main.ts'] ?? ''}`,
  ],
  [
    'dead code in what ships',
    'a dependency that nothing uses',
    'services/feed/package.json',
    `${JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, ajv: '8.0.0' } }, null, 2)}\n`,
  ],
];

describe('the tools of the gate', () => {
  it.each(['format', 'lint', 'types', 'dead code', 'dead code in what ships'])(
    '%s passes a tree in order',
    async (name) => {
      const { ok, output } = await runStep(stepNamed(name), folder);
      expect(output).not.toMatch(/services\/feed/);
      expect(ok, output).toBe(true);
    },
  );

  it.each(planted)('%s refuses %s', async (name, what, file, text) => {
    const extra = what === 'an export that nothing uses';
    if (extra) await write('services/feed/src/planted.ts', 'export const unused = 1;\n');
    await write(file, text);
    const { ok, output } = await runStep(stepNamed(name), folder);
    await rm(path.join(folder, 'services/feed/src/planted.ts'), { force: true });
    const original = good[file];
    if (original !== undefined) await write(file, original);
    expect(ok).toBe(false);
    expect(output).toContain(extra ? 'services/feed/src/planted.ts' : file);
  });
});

describe('runStep', () => {
  const node = (code: string): (typeof steps)[number] => ({ name: 'x', command: [process.execPath, '-e', code] });

  it('keeps what a failing step said, on both streams', async () => {
    const { ok, output } = await runStep(node("console.log('one'); console.error('two'); process.exit(3)"), root);
    expect(ok).toBe(false);
    expect(output).toContain('one');
    expect(output).toContain('two');
  });

  it('fails when the program is missing or killed', async () => {
    expect((await runStep({ name: 'x', command: ['weir-no-such-program'] }, root)).ok).toBe(false);
    expect((await runStep(node("process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)"), root)).ok).toBe(
      false,
    );
  });
});
