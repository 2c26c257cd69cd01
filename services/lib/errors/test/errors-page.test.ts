/** Holds docs/errors.md against the catalogue. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errorCatalogue } from '@weir/errors';
import { beforeAll, describe, expect, it } from 'vitest';

const PAGE = path.resolve(import.meta.dirname, '../../../../docs/errors.md');

const catalogueRows = Object.entries(errorCatalogue).map(
  ([code, { status, retryable, title, fix }]) =>
    `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} | ${fix} |`,
);

describe('docs/errors.md', () => {
  let pageRows: string[] = [];
  beforeAll(async () => {
    const page = await readFile(PAGE, 'utf8');
    pageRows = page.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line));
  });

  it('lists every code with its status, retryability, title and fix', () => {
    expect(catalogueRows.filter((row) => !pageRows.includes(row))).toEqual([]);
  });

  it('lists nothing else', () => {
    expect(pageRows.filter((row) => !catalogueRows.includes(row))).toEqual([]);
  });
});
