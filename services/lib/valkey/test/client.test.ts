import { startTestValkey, type TestValkey } from '@weir/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { defineScript, type Valkey } from '../index.ts';
import { connectTo } from './connect.ts';

let server: TestValkey;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = connectTo(server);
  await valkey.ready();
});

afterAll(async () => {
  await valkey.close();
  await server.stop();
});

beforeEach(() => valkey.bulk.call('FLUSHALL'));

test('answers texts, integers, null and arrays, whatever the case of the command', async () => {
  const { decide } = valkey;
  expect(await decide.call('SET', 'text', 'ä€')).toBe('OK');
  expect(await decide.get('text')).toBe('ä€');
  expect(await decide.get('absent')).toBeNull();
  expect(await decide.call('INCRBY', 'number', 2 ** 40)).toBe(2 ** 40);
  await decide.call('HSET', 'hash', 'a', 1, 'b', '', 'a b', 'x');
  expect(await decide.call('hgetall', 'hash')).toEqual(['a', '1', 'b', '', 'a b', 'x']);
  expect(await decide.hgetall('hash')).toEqual({ a: '1', b: '', 'a b': 'x' });
  expect(await decide.hgetall('absent')).toEqual({});
  await decide.call('ZADD', 'set', 1.5, 'm');
  expect(await decide.call('ZRANGE', 'set', 0, -1, 'WITHSCORES')).toEqual(['m', '1.5']);
});

test('calls of one turn are answered each with its own reply', async () => {
  const numbers = Array.from({ length: 5_000 }, (_, index) => index);
  const replies = await Promise.all(numbers.map((number) => valkey.decide.call('ECHO', number)));
  expect(replies).toEqual(numbers.map(String));
});

test('an error reply is a refusal without the words of the server, and harms no neighbour', async () => {
  await valkey.decide.call('SET', 'text', 'x');
  const [refused, served] = await Promise.allSettled([valkey.decide.call('INCR', 'text'), valkey.decide.get('text')]);
  expect(refused).toMatchObject({ reason: { code: 'VALKEY_REFUSED', detail: 'Valkey refused a command (ERR)' } });
  expect(served).toMatchObject({ value: 'x' });
  expect(valkey.decide.health).toBe('closed');
});

test('arguments of a refused command do not travel with the error', async () => {
  const err: unknown = await valkey.decide.call('ACL', 'SETUSER', 'x', 'hunter2').catch((caught: unknown) => caught);
  expect(err).toMatchObject({ code: 'VALKEY_REFUSED', cause: expect.any(Error) as Error });
  expect(JSON.stringify(err instanceof Error && Object.entries(err.cause ?? {}))).not.toContain('hunter2');
});

test('a script runs by its digest, also after the server has forgotten it', async () => {
  const script = defineScript('add', `return redis.call('INCRBY', KEYS[1], ARGV[1])`, 1);
  expect(await valkey.decide.run(script, ['sum'], [2])).toBe(2);
  await valkey.bulk.call('SCRIPT', 'FLUSH');
  // Executed once, not twice: a server that does not know a script has not run it.
  expect(await valkey.decide.run(script, ['sum'], [2])).toBe(4);
  const statistics = String(await valkey.bulk.call('INFO', 'commandstats'));
  const before = Number(/cmdstat_eval:calls=(\d+)/.exec(statistics)?.[1]);
  expect(await valkey.decide.run(script, ['sum'], [2])).toBe(6);
  const after = String(await valkey.bulk.call('INFO', 'commandstats'));
  expect(Number(/cmdstat_eval:calls=(\d+)/.exec(after)?.[1])).toBe(before);
});

test('a script that fails is refused, and one called with the wrong keys is not sent', async () => {
  const failing = defineScript('failing', `return redis.call('INCR', KEYS[1], 'too many')`, 1);
  await expect(valkey.decide.run(failing, ['a'], [])).rejects.toMatchObject({ code: 'VALKEY_REFUSED' });
  await expect(valkey.decide.run(failing, ['a', 'b'], [])).rejects.toThrow('failing takes 1 keys, not 2');
});

test('connections bear the name of the process and their purpose', async () => {
  const list = String(await valkey.bulk.call('CLIENT', 'LIST'));
  const names = [...list.matchAll(/ name=(\S+)/g)].map((match) => String(match[1]));
  expect(names.toSorted()).toEqual(['test:bulk', 'test:decide', 'test:subscribe']);
});

test('the clock of the server is known to within a round trip, and never goes back', async () => {
  const reply = (await valkey.bulk.call('TIME')) as [string, string];
  const askedMs = Number(reply[0]) * 1_000 + Number(reply[1]) / 1_000;
  const shown = [valkey.serverTimeMs(), valkey.serverTimeMs(), valkey.serverTimeMs()];
  // The same machine, so the same clock; the tolerance is for a machine that is held up between the two.
  expect(Math.abs((shown[0] ?? 0) - askedMs)).toBeLessThan(2_000);
  expect(shown).toEqual(shown.toSorted((a, b) => a - b));
});

test('closed, it refuses at once and leaves no connection', async () => {
  const other = connectTo(server, { clientName: 'other' });
  await other.ready();
  await other.close();
  await expect(other.decide.get('a')).rejects.toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
  expect(String(await valkey.bulk.call('CLIENT', 'LIST'))).not.toContain('other:');
});

test('closed before there is a server, ready() rejects', async () => {
  const lost = connectTo({ port: 1 });
  const ready = lost.ready();
  await lost.close();
  await expect(ready).rejects.toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
});
