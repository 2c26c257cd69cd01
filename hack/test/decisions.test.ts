/** Decision 1 names every npm dependency of the tree with its reason, and no other. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSourceTree } from '../source-tree.ts';

const root = path.resolve(import.meta.dirname, '../..');
const tree = readSourceTree(root);
const rows = readFileSync(path.join(root, 'docs/decisions/0001-dependencies.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));
const explained = new Map(
  rows.map(([, name = '', transitive, ...rest]) => [name.replaceAll('`', ''), { transitive, why: rest.at(-2) ?? '' }]),
);

const declared = new Set(
  [tree.root, ...tree.workspaces.values()]
    .flatMap(({ dependencies, devDependencies }) => Object.keys({ ...dependencies, ...devDependencies }))
    .filter((name) => !name.startsWith('@weir/')),
);

/** Everything a package brings along, itself not counted. */
function closure(name: string, found = new Set<string>()): ReadonlySet<string> {
  const file = path.join(root, 'node_modules', name, 'package.json');
  const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: Record<string, string> };
  for (const dependency of Object.keys(dependencies)) {
    if (found.has(dependency)) continue;
    found.add(dependency);
    closure(dependency, found);
  }
  return found;
}

describe('the decision on dependencies', () => {
  it('explains every dependency of every package.json, and none that is gone', () => {
    expect([...explained.keys()].toSorted()).toEqual([...declared].toSorted());
  });

  it.each([...declared])('gives a reason and the true transitive count for %s', (name) => {
    const { why, transitive } = explained.get(name) ?? {};
    expect(why?.length).toBeGreaterThan(20);
    expect(Number(transitive)).toBe(closure(name).size);
  });
});
