import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDrift, writeGenerated } from '../generate.ts';
import { generateKeyspace } from '../generate-keyspace.ts';
import { keyspace } from '@weir/keyspace';

const files = [
  { path: 'docs/a.md', text: 'a\n' },
  { path: 'b.md', text: 'b\n' },
];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-generate-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('generated files', () => {
  it('drift when missing or edited by hand, and not once written', async () => {
    expect(await findDrift(files, folder)).toEqual(['docs/a.md', 'b.md']);
    await writeGenerated(files, folder);
    expect(await findDrift(files, folder)).toEqual([]);
    await writeFile(path.join(folder, 'b.md'), 'b \n');
    expect(await findDrift(files, folder)).toEqual(['b.md']);
  });
});

describe('docs/keyspace.md', () => {
  const text = generateKeyspace()[0]?.text ?? '';

  it('names every family once, with its name in code', () => {
    for (const [name, { template }] of Object.entries(keyspace)) {
      const code = `\`${template.replaceAll('|', '\\|')}\``;
      const rows = text
        .split('\n')
        .filter((line) => line.startsWith('|') && line.includes(code) && line.endsWith(`| \`${name}\` |`));
      expect(rows, name).toHaveLength(1);
    }
  });

  it('has six cells in every row of a section: no bar ends a cell early', () => {
    const [sections = ''] = text.split('## Parameters');
    const rows = sections.split('\n').filter((line) => line.startsWith('|'));
    for (const row of rows) expect(row.split(/(?<!\\)\|/).length - 2, row).toBe(6);
  });
});
