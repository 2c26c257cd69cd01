import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { findValkeyServer, startEmbeddedValkey } from '../embedded/index.ts';
import { isSupportedVersion } from '../embedded/server-binary.ts';
import { parseValkeyUrl } from '../index.ts';
import { connectTo } from './connect.ts';

test.each([
  ['Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=0', true],
  ['Valkey server v=7.2.0 sha=0', true],
  ['Valkey server v=7.1.9 sha=0', false],
  ['Redis server v=7.0.15 sha=0', true],
  ['Redis server v=6.2.14 sha=0', false],
  ['Redis server v=10.0.0 sha=0', true],
  ['KeyDB server v=6.3.4', false],
  ['', false],
])('"%s" is new enough: %s', (output, isSupported) => {
  expect(isSupportedVersion(output)).toBe(isSupported);
});

describe('finding the server program', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-test-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const environment = () => ({ PATH: directory, HOME: directory, XDG_CACHE_HOME: directory });
  const addProgram = async (name: string, version: string): Promise<void> => {
    await writeFile(join(directory, name), `#!/bin/sh\necho "${version}"\n`);
    await chmod(join(directory, name), 0o755);
  };

  test('takes valkey-server on PATH before redis-server, and skips one that is too old', async () => {
    await addProgram('redis-server', 'Redis server v=7.2.4');
    expect(findValkeyServer(environment())).toBe(join(directory, 'redis-server'));
    await addProgram('valkey-server', 'Valkey server v=7.1.0');
    expect(findValkeyServer(environment())).toBe(join(directory, 'redis-server'));
    await addProgram('valkey-server', 'Valkey server v=8.1.0');
    expect(findValkeyServer(environment())).toBe(join(directory, 'valkey-server'));
  });

  test('without any, names the fix', () => {
    expect(() => findValkeyServer(environment())).toThrow(
      expect.objectContaining({ code: 'SERVER_BINARY_MISSING', detail: expect.stringContaining('npm ci') as string }),
    );
  });
});

test('a port that is taken is named, with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const starting = startEmbeddedValkey({ port, portSetting: '--its-port' });
  await expect(starting).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(starting).rejects.toThrow(
    `Port ${port} for Valkey is taken by another process. Stop that process, or choose another port with --its-port.`,
  );
  taken.close();
});

test('a setting that the server does not take is told in its own words', async () => {
  await expect(startEmbeddedValkey({ args: ['--no-such-setting', 'x'] })).rejects.toThrow(/no-such-setting/);
});

test('evicts nothing, keeps nothing, and wants the password it was given', async () => {
  const server = await startEmbeddedValkey({ password: 'a "b" \\c', args: ['--databases', '3'] });
  const valkey = connectTo(parseValkeyUrl(server.url));
  await valkey.ready();
  const settings = ['maxmemory-policy', 'save', 'appendonly', 'databases'];
  expect(await valkey.bulk.call('CONFIG', 'GET', ...settings)).toEqual(
    expect.arrayContaining(['noeviction', 'no', '3', '']),
  );
  const other = connectTo({ port: server.port, password: 'another' });
  await expect(other.ready()).rejects.toMatchObject({ code: 'VALKEY_REFUSED' });
  await Promise.all([valkey.close(), other.close()]);
  await server.stop();
});
