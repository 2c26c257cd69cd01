import { createLogger } from '@weir/telemetry';
import { createTestCertificate, startProxy, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { defineScript, parseValkeyUrl, type Valkey } from '../index.ts';
import { connectTo, outcomeOf } from './connect.ts';

const PASSWORD = 'pa:ss/wo rd';
const ADMIN = { password: PASSWORD } as const;

let server: TestValkey;
let admin: Valkey;
let lines: string[];
const open: Valkey[] = [];

beforeAll(async () => {
  server = await startTestValkey({ password: PASSWORD });
  admin = connectTo({ port: server.port, ...ADMIN });
  await admin.ready();
});

afterAll(async () => {
  await admin.close();
  await server.stop();
});

beforeEach(() => {
  lines = [];
});

afterEach(() => Promise.all(open.splice(0).map((valkey) => valkey.close())));

/** A client whose log can be read. */
function connect(target: Parameters<typeof connectTo>[0]): Valkey {
  const destination = { write: (line: string) => void lines.push(line) };
  const valkey = connectTo(target, { logger: createLogger({ service: 'test', level: 'debug', destination }) });
  open.push(valkey);
  return valkey;
}

describe('password and user', () => {
  test('the address of the embedded server logs in', async () => {
    const valkey = connect(parseValkeyUrl(server.url));
    await valkey.ready();
    expect(await valkey.decide.call('SET', 'a', 1)).toBe('OK');
  });

  test.each([
    ['a wrong password', { password: 'hunter2' }],
    ['no password', {}],
    ['an unknown user', { username: 'nobody', password: 'hunter2' }],
  ])('%s: ready() rejects, and no log line has the password', async (_what, login) => {
    const valkey = connect({ port: server.port, ...login });
    await expect(valkey.ready()).rejects.toMatchObject({ code: 'VALKEY_REFUSED' });
    await waitFor(() => lines.length > 0);
    expect(lines.join('')).not.toContain('hunter2');
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_UNAVAILABLE');
  });

  test('a user with the least rights that a process needs can do all of its work, and nothing else', async () => {
    const rights =
      '~price:* &price:updates +get +set +eval +evalsha +publish +subscribe +unsubscribe +ping +time +info';
    const all = `reset on >secret resetchannels ${rights} +client|setname`;
    await admin.bulk.call('ACL', 'SETUSER', 'feed', ...all.split(' '));
    const valkey = connect({ port: server.port, username: 'feed', password: 'secret' });
    await valkey.ready();
    const script = defineScript('set', `return redis.call('SET', KEYS[1], ARGV[1])`, 1);
    expect(await valkey.decide.run(script, ['price:BTC'], [1])).toBe('OK');
    const heard: string[] = [];
    valkey.subscribe(['price:updates'], {
      message: (_channel, text) => heard.push(text),
      up: () => void valkey.bulk.call('PUBLISH', 'price:updates', 'x'),
    });
    await waitFor(() => heard.length === 1);
    expect(await outcomeOf(valkey.decide.call('SET', 'feeds', 1))).toBe('VALKEY_REFUSED');
    expect(await outcomeOf(valkey.decide.call('FLUSHALL'))).toBe('VALKEY_REFUSED');
    expect(valkey.decide.health).toBe('closed');
    expect(lines.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
  });

  test('a user without INFO works, with a warning', async () => {
    await admin.bulk.call('ACL', 'SETUSER', 'blind', 'reset', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const valkey = connect({ port: server.port, username: 'blind', password: 'secret' });
    await valkey.ready();
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('ok');
    expect(lines.join('')).toContain('maxmemory-policy of Valkey cannot be read');
  });
});

describe('a server that may evict keys', () => {
  const setPolicy = (policy: string) => admin.bulk.call('CONFIG', 'SET', 'maxmemory-policy', policy);

  afterEach(() => setPolicy('noeviction'));

  test('is refused at the first connection, with what to do', async () => {
    await setPolicy('allkeys-lru');
    await expect(connect({ port: server.port, ...ADMIN }).ready()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringMatching(/maxmemory-policy is allkeys-lru; run CONFIG SET maxmemory-policy noeviction/),
    });
  });

  test('is reported as an error when it comes later; one that does not evict is not', async () => {
    const valkey = connect({ port: server.port, ...ADMIN });
    await valkey.ready();
    expect(lines.join('')).not.toContain('may evict');
    await setPolicy('allkeys-lru');
    const id = await valkey.decide.call('CLIENT', 'ID');
    await admin.bulk.call('CLIENT', 'KILL', 'ID', Number(id));
    const line = await waitFor(() => lines.find((text) => text.includes('may evict')));
    expect(line).toMatch(/"level":"error".*"policy":"allkeys-lru"/);
    await valkey.ready();
    await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'ok');
  });
});

test('a database other than 0 is chosen on every connection', async () => {
  const valkey = connect({ port: server.port, ...ADMIN, database: 3 });
  await valkey.ready();
  await valkey.decide.call('SET', 'where', 'three');
  expect(await admin.bulk.get('where')).toBeNull();
  expect(await valkey.bulk.get('where')).toBe('three');
});

describe('TLS', () => {
  const certificate = createTestCertificate(['localhost', '127.0.0.1']);

  test('a server with a certificate of a trusted authority is talked to', async () => {
    await using proxy = await startProxy(server, { tls: certificate });
    const valkey = connect({ port: proxy.port, ...ADMIN, host: 'localhost', tls: { ca: certificate.cert } });
    await valkey.ready();
    expect(await valkey.decide.call('SET', 'a', 1)).toBe('OK');
    const many = await Promise.all(Array.from({ length: 500 }, (_, index) => valkey.decide.call('ECHO', index)));
    expect(many).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    await open.pop()?.close();
  });

  test.each([
    ['of another authority', { tls: { ca: createTestCertificate().cert } }],
    ['of an authority that the machine does not know', { tls: {} }],
    ['for another name', { tls: { ca: certificate.cert, servername: 'valkey.example' } }],
  ])('a server with a certificate %s is refused', async (_what, options) => {
    await using proxy = await startProxy(server, { tls: certificate });
    const valkey = connect({ port: proxy.port, ...ADMIN, ...options });
    await waitFor(() => lines.some((line) => line.includes('Valkey not reachable')));
    expect(lines.join('')).toMatch(/self-signed certificate|altnames|signature/i);
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_UNAVAILABLE');
    await open.pop()?.close();
  });

  test('plain text to a TLS server does not get through', async () => {
    await using proxy = await startProxy(server, { tls: certificate });
    const valkey = connect({ port: proxy.port, ...ADMIN });
    await waitFor(
      () => lines.some((line) => line.includes('Valkey not reachable') || line.includes('given up')),
      20_000,
    );
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_UNAVAILABLE');
    await open.pop()?.close();
  });
});
