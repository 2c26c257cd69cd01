/** Holds docs/observability.md and docs/monitoring.md against the metrics that the sources of libraries, services and the operator declare. */
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../../..');

/**
 * Declared by their name as a literal: `counter('weir.…'`, or the same through a small function of the service. Names of
 * controller-runtime have no dots.
 */
const DECLARATION =
  /\b(?:(?:counter|histogram|gauge|ofController|ofQueue)\(\s*'|(?:by|byBasis)\(\s*'(?=[a-z]+\.))([a-z][a-z0-9]*(?:[._][a-z0-9_]+)+)'/g;
/** Of a table of metrics; other tables of these pages have no kinds. */
const ROW = /^\| `([a-z0-9_.]+)` \| (?:counter|gauge|histogram) \|/gm;

const namesIn = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);

describe('the pages of metrics', () => {
  const declared = new Set<string>();
  const explained: string[] = [];

  beforeAll(async () => {
    const sources = glob('{services,operator}/**/*.ts', {
      cwd: ROOT,
      exclude: ['**/node_modules', '**/test', '**/bench', '**/*.test.ts'],
    });
    for await (const file of sources)
      for (const name of namesIn(await readFile(path.join(ROOT, file), 'utf8'), DECLARATION)) declared.add(name);
    for (const page of ['docs/observability.md', 'docs/monitoring.md'])
      explained.push(...namesIn(await readFile(path.join(ROOT, page), 'utf8'), ROW));
  });

  it('explains every metric', () => {
    for (const name of ['process.uptime', 'workqueue_depth']) expect(declared).toContain(name);
    expect([...declared].filter((name) => !explained.includes(name))).toEqual([]);
  });

  it('explains none that is gone, and none twice', () => {
    expect(explained.filter((name) => !declared.has(name))).toEqual([]);
    expect(explained.filter((name, index) => explained.indexOf(name) !== index)).toEqual([]);
  });
});
