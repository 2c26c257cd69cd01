/** docs/operator.md points to tests: those files exist. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/operator.md'), 'utf8');
const files = globSync('{operator,test-e2e,hack,crds,services}/**/*.{test,e2e}.ts', {
  cwd: root,
  exclude: (name) => name === 'node_modules',
});
const named = [...page.matchAll(/`([\w/.-]+\.(?:test|e2e)\.ts)`/g)].map(([, name = '']) => name);

describe('docs/operator.md', () => {
  it('answers each of the 27 bars', () => {
    const bars = page.split('\n').flatMap((line) => /^\| (\d+) \|/.exec(line)?.[1] ?? []);
    expect(bars.map(Number)).toEqual(Array.from({ length: 27 }, (_, index) => index + 1));
  });

  it.each([...new Set(named)])('names a test that exists: %s', (name) => {
    expect(files.filter((file) => file === name || file.endsWith(`/${name}`))).not.toEqual([]);
  });
});
