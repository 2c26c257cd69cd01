import { startTestValkey, type TestValkey } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeNewerRecord, type Valkey } from '../index.ts';
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

const T1 = '2026-11-20T11:50:44.000Z';
const T2 = '2026-11-20T11:50:45.000Z';
const T3 = '2026-11-20T11:50:46.000Z';
const record = (seq: number, timestamp: string): string =>
  `{"asset":"X","readable_timestamp":"9999","timestamp":"${timestamp}","seq":${seq}}`;

const store = (key: string, json: string, seq: number, ...aliveFrom: string[]) =>
  valkey.bulk.run(storeNewerRecord, [key], [json, seq, 60_000, ...aliveFrom]);

test('a record gives way to a greater seq alone', async () => {
  expect(await store('price:A', record(5, T1), 5)).toBe(0);
  expect(await store('price:A', record(5, T3), 5)).toBe(5);
  expect(await store('price:A', record(4, T3), 4)).toBe(5);
  expect(await valkey.bulk.get('price:A')).toBe(record(5, T1));
  expect(await store('price:A', record(6, T1), 6)).toBe(0);
  expect(Number(await valkey.bulk.call('PTTL', 'price:A'))).toBeGreaterThan(30_000);
});

test('a living record stays for those who may replace dead ones only', async () => {
  await store('price:B', record(5, T2), 5);
  expect(await store('price:B', record(9, T3), 9, T2)).toBe(-1);
  expect(await store('price:B', record(9, T3), 9, T1)).toBe(-1);
  expect(await store('price:B', record(5, T3), 5, T3)).toBe(5);
  expect(await store('price:B', record(9, T3), 9, T3)).toBe(0);
});

test('what is no record is replaced', async () => {
  await valkey.bulk.call('SET', 'price:C', 'nonsense');
  expect(await store('price:C', record(1, T1), 1, T1)).toBe(0);
});
