import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDataFolder } from '../src/data-folder.ts';

let folder: string;
let claim: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-data-'));
  claim = path.join(folder, 'standalone.pid');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Lives as long as the test does, and is not the process that opens the folder. */
const living = process.ppid;
const ownClaim = new RegExp(`^${process.pid}( \\d+)?\n$`);

it('is claimed while it is open', async () => {
  const data = await openDataFolder(folder);
  expect(readFileSync(claim, 'utf8')).toMatch(ownClaim);
  await data.release();
  expect(existsSync(claim)).toBe(false);
});

// Starts are only known where there is /proc.
it.skipIf(!existsSync('/proc/self/stat'))('is taken over from a dead process whose id lives again', async () => {
  // Nothing has started at the first tick after boot but the kernel's own.
  writeFileSync(claim, `${living} 1\n`);
  await openDataFolder(folder);
  expect(readFileSync(claim, 'utf8')).toMatch(ownClaim);
});

it('is refused while its holder lives, and says which file to delete if that is not Weir', async () => {
  // Without a start, as on a system without /proc.
  writeFileSync(claim, `${living}\n`);
  await expect(openDataFolder(folder)).rejects.toThrow(
    `in use by process ${living}. Stop that process, or name another folder with --data <folder>. ` +
      `If process ${living} is not Weir, delete ${claim}.`,
  );
  expect(readFileSync(claim, 'utf8')).toBe(`${living}\n`);
});

it.skipIf(!existsSync('/proc/self/stat'))('is refused while its holder lives since the start it wrote', async () => {
  const stat = readFileSync(`/proc/${living}/stat`, 'utf8');
  const start = /^\d+ \(.*\) (?:\S+ ){19}(\d+) /s.exec(stat)?.[1];
  writeFileSync(claim, `${living} ${start}\n`);
  await expect(openDataFolder(folder)).rejects.toThrow(`in use by process ${living}`);
});

// Where a folder can be listed and nothing be made in it.
it.skipIf(!existsSync('/proc/self/stat'))('is refused where the system makes none', async () => {
  await expect(openDataFolder('/proc/weir/data')).rejects.toThrow(/\/proc\/weir\/data cannot be written.*--data/);
});

it('is made with the folders above it', async () => {
  const deep = path.join(folder, 'a/b');
  const data = await openDataFolder(deep);
  expect(existsSync(path.join(deep, 'standalone.pid'))).toBe(true);
  await data.release();
});
