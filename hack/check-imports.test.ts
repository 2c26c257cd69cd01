import { describe, expect, it } from 'vitest';
import { checkImports, type ImportFault } from './check-imports.ts';
import { exclusives, layers, testOnly } from './import-table.ts';
import { importsOf, type Manifest, type SourceTree } from './source-tree.ts';

const manifest = (name: string, dependencies: readonly string[] = []): Manifest => ({
  name: `@weir/${name}`,
  exports: { '.': './index.ts' },
  dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '1.0.0'])),
});

/** A small tree that is in order, with one file planted in it. */
function treeWith(path: string, code: string): SourceTree {
  return {
    root: { name: 'weir', devDependencies: { vitest: '1.0.0', '@weir/testing': '1.0.0' } },
    workspaces: new Map([
      ['services/lib/clock', manifest('clock')],
      ['services/lib/errors', manifest('errors')],
      ['services/lib/keys', manifest('keys', ['@weir/limiter'])],
      ['services/lib/limiter', manifest('limiter', ['@weir/keys', '@weir/clock'])],
      ['services/lib/testing', manifest('testing', ['@weir/clock'])],
      ['services/feed', manifest('feed', ['@weir/clock', '@weir/price', 'ioredis', 'ws'])],
      ['services/price', manifest('price', ['@weir/clock'])],
    ]),
    files: [
      { path: 'services/lib/limiter/index.ts', code: "import { systemClock } from '@weir/clock';\nimport 'node:fs';" },
      { path: 'services/feed/src/good.test.ts', code: "import { it } from 'vitest';\nimport '@weir/testing';" },
      { path: 'hack/anything.ts', code: "import '../services/feed/src/app.ts';" },
      { path, code },
    ],
  };
}

const planted: readonly (readonly [ImportFault['rule'], string, string, string])[] = [
  ['forbidden-package', 'a service imports another', 'services/feed/src/a.ts', "import { x } from '@weir/price';"],
  ['forbidden-package', 'also when only a type', 'services/feed/src/a.ts', "import type { X } from '@weir/price';"],
  ['forbidden-package', 'also by re-export', 'services/feed/src/a.ts', "export * from '@weir/price';"],
  ['forbidden-package', 'also by a dynamic import', 'services/feed/src/a.ts', "await import('@weir/price');"],
  ['forbidden-package', 'also in a test', 'services/feed/src/a.test.ts', "import { x } from '@weir/price';"],
  ['forbidden-package', 'product code imports testing', 'services/feed/src/a.ts', "import '@weir/testing';"],
  ['forbidden-package', 'a foundation imports a library', 'services/lib/clock/a.ts', "import '@weir/errors';"],
  ['undeclared', 'a workspace', 'services/price/src/a.ts', "import { x } from '@weir/errors';"],
  ['undeclared', 'an npm package', 'services/price/src/a.ts', "import { x } from 'typebox/value';"],
  ['undeclared', 'a tool of the root in product code', 'services/price/src/a.ts', "import { it } from 'vitest';"],
  ['undeclared', 'an npm package in hack', 'hack/a.ts', "import 'left-pad';"],
  ['unknown-package', 'a name that no workspace has', 'services/price/src/a.ts', "import '@weir/nothing';"],
  ['not-exported', 'a path into a package', 'services/price/src/a.ts', "import '@weir/clock/system-clock.ts';"],
  ['relative-escape', 'a path out of the package', 'services/price/src/a.ts', "import '../../lib/clock/index.ts';"],
  ['relative-escape', 'into hack', 'services/price/src/a.ts', "import '../../../hack/check.ts';"],
  [
    'relative-escape',
    'to a neighbour whose name begins alike',
    'services/feed/src/a.ts',
    "import '../../feed-x/a.ts';",
  ],
  ['test-in-product', 'a test file', 'services/feed/src/a.ts', "import './good.test.ts';"],
  ['test-in-product', 'a file of a test folder', 'services/feed/src/a.ts', "import '../test/harness.ts';"],
  ['exclusive', 'a client outside its wrapper, declared or not', 'services/feed/src/a.ts', "import 'ioredis';"],
  ['exclusive', 'also in a test', 'services/feed/test/a.test.ts', "import 'ioredis';"],
  ['node-prefix', 'a builtin by its bare name', 'services/feed/src/a.ts', "import 'fs/promises';"],
  ['cycle', 'two packages import each other', 'services/lib/keys/a.ts', "import '@weir/limiter';"],
];

describe('checkImports', () => {
  it('finds nothing in a tree that is in order', () => {
    expect(checkImports(treeWith('services/feed/src/a.ts', "import '@weir/clock';\nimport './b.ts';"))).toEqual([]);
    expect(checkImports(treeWith('hack/a.ts', "import './bench/price.ts';"))).toEqual([]);
  });

  it.each(planted)('%s: %s', (rule, _what, path, code) => {
    const tree = treeWith(path, code);
    const files =
      rule === 'cycle'
        ? [...tree.files, { path: 'services/lib/limiter/b.ts', code: "import '@weir/keys';" }]
        : tree.files;
    const rules = checkImports({ ...tree, files }).map((fault) => fault.rule);
    expect(rules).toContain(rule);
  });

  it('lets a type, and nothing else, come from the development dependencies', () => {
    const [folder, home] = ['services/price', manifest('price')] as const;
    const rulesOf = (code: string): readonly string[] => {
      const tree = treeWith('services/price/src/a.ts', code);
      const workspaces = new Map([...tree.workspaces, [folder, { ...home, devDependencies: { yaml: '1.0.0' } }]]);
      return checkImports({ ...tree, workspaces }).map(({ rule }) => rule);
    };
    expect(rulesOf("import type { Node } from 'yaml';")).not.toContain('undeclared');
    expect(rulesOf("import { parse } from 'yaml';")).toContain('undeclared');
    expect(rulesOf("import 'yaml';")).toContain('undeclared');
  });

  it('names a workspace that has no row in the table', () => {
    const tree = treeWith('hack/a.ts', '');
    const workspaces = new Map([...tree.workspaces, ['services/new', manifest('new')]]);
    expect(checkImports({ ...tree, workspaces })).toEqual([
      { rule: 'unknown-package', where: 'services/new/package.json', problem: expect.stringContaining('@weir/new') },
    ]);
  });
});

describe('importsOf', () => {
  it('finds every form of import and ignores texts and comments that look like one', () => {
    const code = `import a from 'a'; import type { B } from 'b'; export { c } from 'c'; export * as d from 'd';
      const e = await import('e'); // import 'not-this'
      const text = "import 'nor-this'"; export const f = \`import('nor-that')\`; import 'g';`;
    const found = importsOf({ path: 'a.ts', code });
    expect(found.map(({ specifier }) => specifier).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'g']);
    expect(found.filter(({ isType }) => isType).map(({ specifier }) => specifier)).toEqual(['b']);
  });

  it('refuses a file that it cannot read, so that no import hides in it', () => {
    expect(() => importsOf({ path: 'a.ts', code: 'import {' })).toThrow(SyntaxError);
  });
});

describe('the import table', () => {
  const packages = layers.flatMap((layer) => layer.packages);

  it('has every package once and names none that it does not have', () => {
    expect(new Set(packages).size).toBe(packages.length);
    const named = [...layers.flatMap(({ mayImport }) => mayImport), ...testOnly];
    expect(named.filter((name) => !packages.includes(name))).toEqual([]);
  });

  it('lets product code nowhere import testing', () => {
    expect(layers.filter(({ mayImport }) => mayImport.includes('testing'))).toEqual([]);
  });

  it('gives a reason for every exclusive package', () => {
    for (const { npm, folders, why } of exclusives)
      expect([npm.length > 0, folders.length > 0, why !== '']).not.toContain(false);
  });
});
