/** Holds the page on the operator against its settings and its metrics. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { settingsTable, sharedSettings } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../src/config.ts';

const PAGE = path.resolve(import.meta.dirname, '../README.md');

describe('README.md', () => {
  it('lists the settings of the operator, and no others, as the schema does', async () => {
    const shared = Object.values(sharedSettings).flatMap((settings) => Object.keys(settings));
    const own = Object.entries(configSchema.properties).filter(([name]) => !shared.includes(name));
    expect(await readFile(PAGE, 'utf8')).toContain(`\n\n${settingsTable(Object.fromEntries(own))}\n\n`);
  });
});
