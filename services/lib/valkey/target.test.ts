import { expect, test } from 'vitest';

import { parseValkeyUrl, tlsOptions } from './target.ts';

test.each([
  ['redis://valkey', { host: 'valkey', port: 6379 }],
  ['valkey://valkey:7000/2', { host: 'valkey', port: 7000, database: 2 }],
  ['redis://feed:p%40ss%2Fword@valkey/', { host: 'valkey', port: 6379, username: 'feed', password: 'p@ss/word' }],
  ['redis://:secret@valkey', { host: 'valkey', port: 6379, password: 'secret' }],
  ['rediss://valkey', { host: 'valkey', port: 6379, tls: {} }],
  ['valkeys://[::1]:1', { host: '::1', port: 1, tls: {} }],
])('%s is read', (url, target) => {
  expect(parseValkeyUrl(url)).toEqual({ kind: 'standalone', ...target });
});

test.each([
  'valkey:6379',
  'http://u:hunter2@valkey',
  'redis://',
  'redis://valkey/one',
  'redis://u:%hunter2@valkey',
  '',
])('"%s" is refused, without its password in the message', (url) => {
  expect(() => parseValkeyUrl(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(() => parseValkeyUrl(url)).not.toThrow(/hunter2/);
});

test('the name in the certificate is the host unless it is an address or told otherwise', () => {
  const target = { kind: 'standalone', host: 'valkey', port: 1 } as const;
  expect(tlsOptions(target)).toBeUndefined();
  expect(tlsOptions({ ...target, tls: {} })).toEqual({ servername: 'valkey' });
  expect(tlsOptions({ ...target, host: '127.0.0.1', tls: {} })).toEqual({});
  expect(tlsOptions({ ...target, host: '::1', tls: { servername: 'other' } })).toEqual({ servername: 'other' });
});

test('authorities that are no PEM are refused before anything is opened', () => {
  const target = { kind: 'standalone', host: 'valkey', port: 1, tls: { ca: 'no PEM' } } as const;
  expect(() => tlsOptions(target)).toThrow(/CA certificate/);
});
