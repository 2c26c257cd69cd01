import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashFolder } from './build-image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-hash-'));
  writeFileSync(path.join(folder, 'price.mjs'), 'one');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is the same for the same files, whenever they were written', () => {
  const before = hashFolder(folder);
  writeFileSync(path.join(folder, 'price.mjs'), 'one');
  writeFileSync(path.join(folder, 'sbom.cdx.json'), '{"timestamp":"now"}');
  expect(hashFolder(folder)).toBe(before);
});

it.each([
  ['the content of a file', 'price.mjs', 'two'],
  ['a file', 'feed.mjs', ''],
])('changes with %s', (_, name, text) => {
  const before = hashFolder(folder);
  writeFileSync(path.join(folder, name), text);
  expect(hashFolder(folder)).not.toBe(before);
});
