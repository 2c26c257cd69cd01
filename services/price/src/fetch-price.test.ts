import { createFakeClock, createTestTelemetry, silentLogger } from '@weir/testing';
import { expect, test } from 'vitest';
import { feedDocument, priceRecord } from '../test/samples.ts';
import type { FetchLock, FetchSight } from './fetch-lock.ts';
import { createFetchMetrics } from './fetch-metrics.ts';
import { createPriceFetcher } from './fetch-price.ts';
import { newFeed, newSlot, type Slot } from './price-table.ts';

const NONE: FetchSight = { record: undefined, isNone: false };

/** One process on a lock that another one holds, unless `sight` says that there is nothing to fetch. */
function start() {
  const clock = createFakeClock();
  const calls: string[] = [];
  const kept: Slot[] = [];
  const state = { sight: NONE };
  const lock: FetchLock = {
    async look(pair) {
      calls.push(`look ${pair}`);
      return state.sight;
    },
    async take(pair) {
      calls.push(`take ${pair}`);
      return { record: undefined };
    },
    release: () => Promise.reject(new Error('it has no lock')),
    markNone: () => Promise.reject(new Error('it has no lock')),
  };
  const feed = newFeed(feedDocument({ fallback: { enabled: true } }), 0);
  const fetcher = createPriceFetcher({
    valkey: { serverTimeMs: () => clock.nowMs(), bulk: { run: () => Promise.reject(new Error('nothing to store')) } },
    lock,
    table: { feeds: new Map([['weir/majors', feed]]) },
    findMarkets: () => Promise.reject(new Error('no venue is asked')),
    keep: (slot) => kept.push(slot),
    usdtSlot: () => newSlot('USDT', feed),
    clock,
    logger: silentLogger,
    metrics: createFetchMetrics(createTestTelemetry(), () => 0),
  });
  return { clock, calls, kept, state, feed, fetcher };
}

test('a process that waits for another looks ever less often, and no longer than 2 s', async () => {
  const { clock, calls, feed, fetcher } = start();
  const fetched = fetcher.fetch(newSlot('BTC', feed));
  await clock.advance(2_001);
  expect(await fetched).toBe(false);
  expect(calls.slice(0, 2)).toEqual(['look BTC', 'take BTC']);
  expect(calls.length).toBeLessThan(11);
  const sum = calls.length;
  await clock.advance(5_000);
  expect(calls.length).toBe(sum);
});

test('it is answered as soon as the other has stored a price, or has found that there is none', async () => {
  const { clock, feed, fetcher, state } = start();
  const slot = newSlot('BTC', feed);
  const fetched = fetcher.fetch(slot);
  await clock.advance(150);
  state.sight = { record: priceRecord({ confirmedAtMs: clock.nowMs() }), isNone: false };
  await clock.advance(200);
  expect(await fetched).toBe(false);
  expect(slot.record?.asset).toBe('BTC');
  state.sight = NONE;
  const other = newSlot('ETH', feed);
  const vain = fetcher.fetch(other);
  await clock.advance(50);
  state.sight = { record: undefined, isNone: true };
  await clock.advance(150);
  expect(await vain).toBe(false);
  expect(fetcher.isDue(other, Number.POSITIVE_INFINITY)).toBe(false);
});

test('a pair that is known to have no price is looked at, and not locked', async () => {
  const { calls, feed, fetcher, state } = start();
  state.sight = { record: undefined, isNone: true };
  expect(await fetcher.fetch(newSlot('BTC', feed))).toBe(false);
  expect(calls).toEqual(['look BTC']);
});

test('what others found of a pair on demand says nothing to whoever may ask other venues', async () => {
  const { calls, kept, feed, fetcher, state } = start();
  state.sight = { record: undefined, isNone: true };
  const slot = newSlot('SOL', feed, true, new Set(['weir/b']));
  void fetcher.fetch(slot);
  await Promise.resolve();
  await Promise.resolve();
  expect(calls).toEqual(['look SOL', 'take SOL']);
  expect(kept).toEqual([slot]);
});

test('no more than 64 pairs are fetched at once in a process; one more is not waited for', async () => {
  const { clock, feed, fetcher } = start();
  const slots = Array.from({ length: 65 }, (_, index) => newSlot(`N${index}`, feed));
  const [last, ...rest] = slots.toReversed();
  if (last === undefined) throw new Error('there is one');
  const begun = rest.map((slot) => fetcher.fetch(slot));
  expect(begun.every((fetching) => fetching !== undefined)).toBe(true);
  expect(fetcher.fetch(last)).toBeUndefined();
  // Whoever asks for one that is under way waits for that.
  expect(rest[0] && fetcher.fetch(rest[0])).toBe(begun[0]);
  await clock.advance(2_500);
  for (const fetching of begun) expect(await fetching).toBe(false);
  expect(fetcher.fetch(last)).toBeDefined();
});
