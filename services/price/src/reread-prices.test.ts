import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { createPriceTable, type Slot } from './price-table.ts';
import type { PriceReader } from './read-price.ts';
import { createRereader } from './reread-prices.ts';

function slotsOf(count: number): readonly Slot[] {
  const assets = Array.from({ length: count }, (_, index) => `A${index}`);
  return createPriceTable().declare(new Map([['weir/majors', feedDocument({ assets })]]), 0);
}

function readerOf(answers: (slot: Slot) => boolean): Pick<PriceReader, 'read'> & { readonly reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    read(slot) {
      reads.push(slot.pair);
      return Promise.resolve(answers(slot));
    },
  };
}

test('reads at most 2,000 a second, those asked for last first', async () => {
  const clock = createFakeClock();
  const reader = readerOf(() => true);
  const rereader = createRereader({ reader, clock });
  const slots = slotsOf(5_000);
  const [, hot, hottest] = slots;
  if (hot === undefined || hottest === undefined) throw new Error('there are 5,000');
  hot.lastAskedMs = 10;
  hottest.lastAskedMs = 20;
  rereader.add(slots);
  await clock.advance(0);
  expect(reader.reads.slice(0, 2)).toEqual([hottest.pair, hot.pair]);
  await clock.advance(999);
  expect(reader.reads.length).toBeGreaterThan(1_500);
  expect(reader.reads.length).toBeLessThanOrEqual(2_000);
  await clock.advance(2_000);
  expect(new Set(reader.reads).size).toBe(5_000);
  await rereader.idle();
  expect(rereader.pending).toBe(0);
});

test('a slot that is added twice is read once', async () => {
  const clock = createFakeClock();
  const reader = readerOf(() => true);
  const rereader = createRereader({ reader, clock });
  const slots = slotsOf(150);
  rereader.add(slots);
  rereader.add(slots);
  await clock.advance(200);
  expect(reader.reads).toHaveLength(150);
});

test('what Valkey did not answer is read again, after a pause', async () => {
  const clock = createFakeClock();
  let isUp = false;
  const reader = readerOf(() => isUp);
  const rereader = createRereader({ reader, clock });
  rereader.add(slotsOf(3));
  await clock.advance(900);
  expect(reader.reads).toHaveLength(3);
  isUp = true;
  await clock.advance(200);
  expect(reader.reads).toHaveLength(6);
  expect(rereader.pending).toBe(0);
});

test('leaves no timer behind', async () => {
  const clock = createFakeClock();
  const rereader = createRereader({ reader: readerOf(() => false), clock });
  rereader.add(slotsOf(3));
  await clock.advance(10);
  rereader.close();
  expect(clock.pendingTimers).toBe(0);
  rereader.add(slotsOf(1));
  expect(clock.pendingTimers).toBe(0);
});
