import { keyspace } from '@weir/keyspace';
import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { createPriceTable } from './price-table.ts';
import { createPriceReader } from './read-price.ts';

test('a request reads by the client for what callers wait for, many pairs by the other, each on its own', async () => {
  const calls: string[] = [];
  const release = Promise.withResolvers<null>();
  const client = (name: string) => ({
    get: (asked: string) => {
      calls.push(`${name} ${asked}`);
      return release.promise;
    },
  });
  const clock = createFakeClock();
  const table = createPriceTable();
  const [slot] = table.declare(new Map([['weir/majors', feedDocument()]]), clock.monotonicMs());
  if (slot === undefined) throw new Error('there is one');
  const valkey = { decide: client('decide'), bulk: client('bulk'), serverTimeMs: () => 0 };
  const fetcher = { isDue: () => false, fetch: () => Promise.resolve(true) };
  const reader = createPriceReader({ valkey, fetcher, clock });
  await clock.advance(1_000);
  const many = reader.read(slot);
  const request = reader.check(slot, Number.POSITIVE_INFINITY);
  expect(reader.check(slot, Number.POSITIVE_INFINITY)).toBe(request);
  const key = keyspace.price.key({ pair: slot.pair });
  expect(calls).toEqual([`bulk ${key}`, `decide ${key}`]);
  release.resolve(null);
  expect(await Promise.all([many, request])).toEqual([true, false]);
  expect(reader.check(slot, Number.POSITIVE_INFINITY)).toBeUndefined();
});
