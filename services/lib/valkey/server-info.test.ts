import { expect, test } from 'vitest';

import { parseServerInfo } from './server-info.ts';

const INFO = [
  '# Server',
  'run_id:aaaa',
  '',
  '# Replication',
  'master_replid:bbbb',
  '# Persistence',
  'loading:0',
  'async_loading:0',
  '# Memory',
  'maxmemory_policy:noeviction',
  '',
].join('\r\n');

test('reads who answers, whether it is ready and what it does when full', () => {
  expect(parseServerInfo(INFO)).toEqual({ identity: 'aaaa bbbb', isLoading: false, maxmemoryPolicy: 'noeviction' });
});

test('a promotion and a restart each change the identity', () => {
  const identities = [INFO, INFO.replace('aaaa', 'cccc'), INFO.replace('bbbb', 'dddd')].map(
    (text) => parseServerInfo(text).identity,
  );
  expect(new Set(identities).size).toBe(3);
});

test('a server that loads its data is not ready', () => {
  expect(parseServerInfo(INFO.replace('\r\nloading:0', '\r\nloading:1')).isLoading).toBe(true);
  expect(parseServerInfo(INFO.replace('async_loading:0', 'async_loading:1')).isLoading).toBe(true);
});

test('what a server does not say is left open', () => {
  expect(parseServerInfo('')).toEqual({ identity: ' ', isLoading: false, maxmemoryPolicy: undefined });
});
