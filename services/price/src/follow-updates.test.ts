import { createFakeClock, createTestTelemetry, silentLogger } from '@weir/testing';
import type { SubscriptionHandlers } from '@weir/valkey';
import { encodePriceUpdateBatch } from '@weir/wire';
import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { followUpdates, noteBatch } from './follow-updates.ts';
import { createPriceMetrics } from './metrics.ts';
import { createPriceTable, type FeedState } from './price-table.ts';

function newFeed(): FeedState {
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument()]]), 0);
  const feed = table.feeds.get('weir/majors');
  if (feed === undefined) throw new Error('the feed is declared');
  return feed;
}

const noteAll = (feed: FeedState, batches: readonly (readonly [string, number])[]): boolean[] =>
  batches.map(([lease, number]) => noteBatch(feed, { lease, number }, 0));

test('numbers in a row are continuous', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 2],
      ['l1', 3],
    ]),
  ).toEqual([true, true, true]);
});

test('a missing number is a gap, once', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 3],
      ['l1', 4],
    ]),
  ).toEqual([true, false, true]);
});

test('an unknown lease that starts above 1 is a gap, one that starts at 1 is not', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 5],
      ['l2', 1],
      ['l3', 2],
    ]),
  ).toEqual([false, true, false]);
});

test('a batch that comes twice or late is no gap and does not set the count back', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 2],
      ['l1', 1],
      ['l1', 2],
      ['l1', 3],
    ]),
  ).toEqual(Array(5).fill(true));
});

test('every batch ends the silence of its feed', () => {
  const feed = newFeed();
  feed.isSilent = true;
  noteBatch(feed, { lease: 'l1', number: 1 }, 1_234);
  expect(feed).toMatchObject({ isSilent: false, lastHeardMs: 1_234 });
});

/** Follows one feed whose batches come as the test sends them; `rereads` counts how often its pairs were read again. */
function follow(heartbeatMs: number) {
  const clock = createFakeClock();
  const telemetry = createTestTelemetry();
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument({ publish: { intervalMs: 50, heartbeatMs } })]]), 0);
  let on: SubscriptionHandlers | undefined;
  let rereads = 0;
  let number = 0;
  followUpdates({
    valkey: {
      subscribe: (_channels, handlers) => {
        on = handlers;
        return { close: () => Promise.resolve() };
      },
      serverTimeMs: () => clock.nowMs(),
    },
    table,
    clock,
    logger: silentLogger,
    metrics: createPriceMetrics(telemetry),
    tracing: telemetry.tracing,
    reread: () => void (rereads += 1),
  });
  return {
    advance: (ms: number) => clock.advance(ms),
    beat: () => {
      number += 1;
      const batch = { feed: 'weir/majors', lease: 'l1', number, madeAtMs: 0, records: [], confirmations: [] };
      on?.message('price:updates', encodePriceUpdateBatch(batch));
    },
    isSilent: () => table.feeds.get('weir/majors')?.isSilent,
    rereads: () => rereads,
  };
}

test('a feed that beats every 10 s is not silent between its beats', async () => {
  const feed = follow(10_000);
  for (let beats = 0; beats < 10; beats += 1) {
    feed.beat();
    await feed.advance(10_000);
    expect(feed.isSilent()).toBe(false);
  }
  expect(feed.rereads()).toBe(0);
});

test.each([
  [10_000, 30_000],
  [60_000, 180_000],
  [1_000, 3_000],
  [100, 3_000],
])('a feed that beats every %d ms is silent after %d ms, and read again once', async (heartbeatMs, silentAfterMs) => {
  const feed = follow(heartbeatMs);
  feed.beat();
  await feed.advance(silentAfterMs);
  expect(feed.isSilent()).toBe(false);
  await feed.advance(500);
  expect(feed.isSilent()).toBe(true);
  await feed.advance(60_000);
  expect(feed.rereads()).toBe(1);
});
