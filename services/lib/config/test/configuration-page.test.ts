/** Holds docs/configuration.md against the schemas. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { settingsTable, sharedSettings } from '@weir/config';
import { beforeAll, describe, expect, it } from 'vitest';

const PAGE = path.resolve(import.meta.dirname, '../../../../docs/configuration.md');

describe('docs/configuration.md', () => {
  let page = '';
  beforeAll(async () => {
    page = await readFile(PAGE, 'utf8');
  });

  it.each(Object.entries(sharedSettings))('describes "%s" as the schema does', (title, settings) => {
    expect(page).toContain(`## ${title}\n\n${settingsTable(settings)}\n`);
  });

  it('describes no setting that is gone', () => {
    const known = Object.values(sharedSettings).flatMap((settings) => settingsTable(settings).split('\n'));
    const rows = page.split('\n').filter((line) => /^\| `[A-Z]/.test(line));
    expect(rows.filter((row) => !known.includes(row))).toEqual([]);
  });
});
