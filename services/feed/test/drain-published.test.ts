/** Announced work that ends every connection of a venue, as those see it who read what the feed publishes. */
import { systemClock } from '@weir/clock';
import { startExchanges, type VenueId } from '@weir/exchanges';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { publishDocuments, type Valkey } from '@weir/valkey';
import { findVenue } from '@weir/venues';
import { decodePriceUpdateBatch, type PriceRecord, type PriceUpdateBatch } from '@weir/wire';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startFeed } from '../src/app.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith } from './sample-document.ts';

const FEED = 'weir/majors';
const STEPS_PER_SECOND = 50;
/** More than a reader would call a gap, and less than a machine that stands still for a moment makes. */
const STEPS_MISSED_MAX = 2 * STEPS_PER_SECOND;
const ASSETS = ['BTC', 'ETH'];

let server: TestValkey;
let valkey: Valkey;
const cleanups: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await valkey.bulk.call('FLUSHALL');
});

async function startVenueAndFeed(id: VenueId) {
  const quote = findVenue(id)?.settlement ?? '';
  const pairs = ASSETS.map((asset) => ({ asset, quote, price: '1000.5' }));
  const exchanges = await startExchanges({ venues: [id], pairs, ticksPerSecond: 0 });
  cleanups.push(() => exchanges.stop());
  const control = exchanges.venue(id);
  const heard: PriceUpdateBatch[] = [];
  const subscription = valkey.subscribe(['price:updates'], {
    message: (_channel, text) => {
      const batch = decodePriceUpdateBatch(text);
      if (batch !== undefined) heard.push(batch);
    },
  });
  cleanups.push(() => subscription.close());
  const sources = [addressed({ name: id, exchange: id }, exchanges.addresses)];
  // Of the sockets alone: REST would hide a gap.
  const document = documentWith({ assets: ASSETS, quote, sources, fallback: { enabled: false } });
  await publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, JSON.stringify(document)]]));
  const parts = { valkey, clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const feed = await startFeed({ ...parts, feed: FEED, node: 'a' });
  cleanups.push(() => feed.stop());
  let step = 1_000;
  const walk = systemClock.setInterval(() => {
    step += 1;
    for (const asset of ASSETS) control.setPrice(asset, `${step}.5`);
  }, 1_000 / STEPS_PER_SECOND);
  cleanups.push(() => walk.cancel());
  const recordsOf = (asset: string): PriceRecord[] =>
    heard.flatMap(({ records }) => records).filter((record) => record.asset === asset);
  await waitFor(() => ASSETS.every((asset) => recordsOf(asset).length > 0));
  return { control, heard, recordsOf, reasonOf: () => feed.status().sources[0]?.reason };
}

test.each(['kraken', 'okx', 'bybit'] as const)('%s: no gap, nothing older and nothing twice', async (id) => {
  const { control, heard, recordsOf, reasonOf } = await startVenueAndFeed(id);
  await waitFor(() => reasonOf() === 'Live');
  // Who tells of work on a socket of its own has to be heard there first.
  const { statusSocket } = findVenue(id) ?? {};
  await waitFor(() => statusSocket === undefined || control.received.some((text) => text.includes('status')));
  const subscriptions = (): number => control.received.filter((text) => text.includes('"subscribe"')).length;
  const asked = subscriptions();
  const announcedMs = systemClock.monotonicMs();
  control.announceMaintenance(1_500);
  // A second connection beside the first one. The source says so too, but for an instant that a look may miss.
  await waitFor(() => subscriptions() > asked);
  await waitFor(() => systemClock.monotonicMs() - announcedMs > 3_000 && reasonOf() === 'Live');
  expect(control.subscribers('BTC')).toBe(1);
  expect(control.strikes.announce).toBeGreaterThan(0);
  expect(new Set(heard.map(({ lease }) => lease)).size).toBe(1);
  expect(heard.map(({ number }) => number)).toEqual(heard.map((_, index) => index + 1));
  for (const asset of ASSETS) {
    const records = recordsOf(asset);
    for (const [index, record] of records.entries()) {
      const before = records[index - 1];
      if (before === undefined) continue;
      expect(record.seq).toBeGreaterThan(before.seq);
      const rise = Number(record.priceText) - Number(before.priceText);
      expect(rise).toBeGreaterThanOrEqual(0);
      expect(rise).toBeLessThan(STEPS_MISSED_MAX);
      // Told again is only what has changed, such as how sure the price is.
      expect(wordsOf(record)).not.toBe(wordsOf(before));
    }
  }
});

function wordsOf({ priceText, confidenceText, sources, flags, source }: PriceRecord): string {
  return JSON.stringify([priceText, confidenceText, sources, flags, source]);
}
