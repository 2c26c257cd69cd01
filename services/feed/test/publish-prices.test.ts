/** The publisher against a real Valkey: what is stored, what readers hear, and what becomes of it when Valkey fails. */
import { systemClock, type Clock } from '@weir/clock';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import type { Subscription, Valkey } from '@weir/valkey';
import {
  decodePriceRecord,
  decodePriceUpdateBatch,
  type FeedDocument,
  type PriceConfirmation,
  type PriceRecord,
  type PriceUpdateBatch,
} from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createQuoteBook, type QuoteBook } from '../src/keep-quotes.ts';
import { createFeedMetrics, type FeedMetrics } from '../src/metrics.ts';
import { PricePublisher } from '../src/publish-prices.ts';
import { openValkey } from './open-valkey.ts';
import { documentWith } from './sample-document.ts';
import { quoteOf } from './sample-quote.ts';

let server: TestValkey;
let valkey: Valkey;
let subscription: Subscription;
let heard: PriceUpdateBatch[] = [];
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
  const { promise: subscribed, resolve } = Promise.withResolvers<void>();
  subscription = valkey.subscribe(['price:updates'], {
    up: resolve,
    message: (_channel, text) => {
      const batch = decodePriceUpdateBatch(text);
      if (batch !== undefined) heard.push(batch);
    },
  });
  await subscribed;
});
afterAll(async () => {
  await subscription.close();
  await valkey.close();
  await server.stop();
});
beforeEach(async () => {
  await valkey.bulk.call('FLUSHALL');
  heard = [];
});
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

interface Desk {
  readonly book: QuoteBook;
  readonly publisher: PricePublisher;
  readonly metrics: FeedMetrics;
  lease: string | undefined;
  /** By how much the estimate of Valkey's time is wrong. */
  skewMs: number;
  /** As a connector does it. */
  say(asset: string, price: string, confirmedMs?: number): void;
}

function openDesk(change: Partial<FeedDocument> = {}, clock: Clock = systemClock): Desk {
  const book = createQuoteBook();
  const telemetry = createTestTelemetry();
  const metrics = createFeedMetrics(telemetry, 'weir/majors');
  const publisher = new PricePublisher({
    feed: 'weir/majors',
    book,
    valkey: { bulk: valkey.bulk, serverTimeMs: () => valkey.serverTimeMs() + desk.skewMs },
    clock,
    logger: silentLogger,
    metrics,
    tracing: telemetry.tracing,
    heldLease: () => desk.lease,
  });
  const desk: Desk = {
    book,
    publisher,
    metrics,
    lease: 'a:1',
    skewMs: 0,
    say(asset, price, confirmedMs = systemClock.monotonicMs()) {
      book.record('coinbase', quoteOf(asset, price, confirmedMs, { quote: document.quote }));
      publisher.touch(asset);
    },
  };
  const document = documentWith(change);
  book.configure(document);
  publisher.configure(document);
  closing.push(() => publisher.end());
  return desk;
}

async function stored(pair: string): Promise<PriceRecord | undefined> {
  return decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '');
}

/** Every instant at which readers were told that the price was current: by a record, or by a confirmation of it. */
const instantsOf = (asset: string): number[] =>
  heard
    .flatMap(({ records, confirmations }) => [...records, ...confirmations])
    .filter((news) => news.asset === asset)
    .map(({ confirmedAtMs }) => confirmedAtMs);

const heardOf = (asset: string): PriceRecord[] =>
  heard.flatMap((batch) => batch.records).filter((record) => record.asset === asset);

test('stores a price and announces it, with its source, its instant and a life time', async () => {
  const desk = openDesk({ quote: 'EUR' });
  desk.publisher.begin('a:1');
  const beforeMs = valkey.serverTimeMs();
  desk.say('BTC', '64123.07');
  const record = await waitFor(() => stored('BTC-EUR'));
  expect(record).toMatchObject({
    asset: 'BTC',
    quote: 'EUR',
    priceText: '64123.07',
    source: 'coinbase-ws',
    sources: ['coinbase-ws'],
    confidenceText: '6.412307',
    flags: ['single'],
  });
  expect(Math.abs(record.confirmedAtMs - beforeMs)).toBeLessThan(500);
  expect(record.seq).toBeGreaterThan(beforeMs * 1_000);
  expect(Number(await valkey.bulk.call('PTTL', 'price:BTC-EUR'))).toBeGreaterThan(590_000);
  await waitFor(() => heardOf('BTC').length > 0);
  expect(heardOf('BTC')[0]).toEqual(record);
});

test('numbers the batches of a lease from 1 without a gap, heartbeats included, and anew under the next', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 100 } });
  desk.publisher.begin('a:1');
  await waitFor(() => heard.length >= 5);
  desk.say('BTC', '1001');
  await waitFor(() => heardOf('BTC').length > 0);
  await desk.publisher.end();
  desk.lease = 'a:2';
  desk.publisher.begin('a:2');
  await waitFor(() => heard.filter((batch) => batch.lease === 'a:2').length >= 2);
  for (const lease of ['a:1', 'a:2']) {
    const numbers = heard.filter((batch) => batch.lease === lease).map((batch) => batch.number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  }
  // The new lease opens with every price, although none of them has changed.
  expect(heard.find((batch) => batch.lease === 'a:2')?.records.map((record) => record.asset)).toEqual(['BTC']);
});

test('sends at most one batch per interval, with the value of then', async () => {
  const desk = openDesk({ publish: { intervalMs: 100, heartbeatMs: 60_000 } });
  desk.publisher.begin('a:1');
  const startMs = systemClock.monotonicMs();
  for (let price = 100_001; price <= 100_500; price += 1) {
    desk.say('BTC', String(price));
    await new Promise(setImmediate);
  }
  await waitFor(() => heardOf('BTC').at(-1)?.priceText === '100500');
  const rounds = Math.ceil((systemClock.monotonicMs() - startMs) / 100) + 1;
  expect(heard.length).toBeLessThanOrEqual(rounds);
  const seqs = heardOf('BTC').map((record) => record.seq);
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
});

test('tells with the heartbeat that an unchanged price is still current, and between heartbeats nothing', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 300 } });
  desk.publisher.begin('a:1');
  desk.say('BTC', '1005');
  await waitFor(() => heardOf('BTC').length === 1);
  const confirming = systemClock.setInterval(() => desk.say('BTC', '1005'), 5);
  await waitFor(() => instantsOf('BTC').length >= 4);
  confirming.cancel();
  const instants = instantsOf('BTC');
  expect(heardOf('BTC')).toHaveLength(1);
  for (const [index, instant] of instants.slice(2).entries()) {
    expect(instant - (instants[index + 1] ?? 0)).toBeGreaterThan(150);
  }
});

test('a heartbeat that is due while the one before is under way follows it at once', async () => {
  const beats: (() => void)[] = [];
  const setInterval: Clock['setInterval'] = (beat) => {
    beats.push(beat);
    return { cancel: () => undefined };
  };
  const desk = openDesk({ assets: ['BTC'] }, { ...systemClock, setInterval });
  desk.publisher.begin('a:1');
  beats[0]?.();
  beats[0]?.();
  // Without news each heartbeat is an empty batch.
  await waitFor(() => heard.length === 2);
  beats[0]?.();
  await waitFor(() => heard.length === 3);
});

test('says how long a price took when it is first told, not how long it has stood', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 50 } });
  desk.publisher.begin('a:1');
  await waitFor(() => heard.length > 0);
  desk.say('BTC', '1005');
  const first = await waitFor(() => heardOf('BTC').at(0));
  expect(first.latencyMs).toBeGreaterThan(0);
  const confirming = systemClock.setInterval(() => desk.say('BTC', '1005'), 5);
  await waitFor(async () => ((await stored('BTC'))?.confirmedAtMs ?? 0) > first.confirmedAtMs + 300);
  confirming.cancel();
  expect((await stored('BTC'))?.latencyMs).toBe(first.latencyMs);
});

test('of a price that came to be before its lease, nobody says how long it took', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 50 } });
  desk.say('BTC', '1005');
  desk.publisher.begin('a:1');
  expect((await waitFor(() => heardOf('BTC').at(0))).latencyMs).toBe(0);
});

test('a confirmation covers the seqs since the record with that value, and what is stored meanwhile', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 100 } });
  desk.publisher.begin('a:1');
  desk.say('BTC', '1005');
  await waitFor(() => heardOf('BTC').length === 1);
  const confirmationsOf = (): PriceConfirmation[] => heard.flatMap(({ confirmations }) => confirmations);
  const confirming = systemClock.setInterval(() => desk.say('BTC', '1005'), 5);
  await waitFor(() => confirmationsOf().length >= 3);
  confirming.cancel();
  const [record] = heardOf('BTC');
  expect(new Set(confirmationsOf().map(({ sinceSeq }) => sinceSeq))).toEqual(new Set([record?.seq]));
  const seqs = confirmationsOf().map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
  expect((await stored('BTC'))?.seq).toBeGreaterThanOrEqual(record?.seq ?? Infinity);
  desk.say('BTC', '1006');
  await waitFor(() => heardOf('BTC').at(-1)?.priceText === '1006');
  const changedSeq = heardOf('BTC').at(-1)?.seq;
  expect(changedSeq).toBeGreaterThan(seqs.at(-1) ?? Infinity);
  desk.say('BTC', '1006');
  await waitFor(() => confirmationsOf().at(-1)?.sinceSeq === changedSeq);
});

test('stores a large feed again by turns, so that a Valkey that lost it has all of it back after a few heartbeats', async () => {
  const assets = Array.from({ length: 1_000 }, (_, index) => `A${index}`);
  // 400 by heartbeat.
  const desk = openDesk({ assets, publish: { intervalMs: 10, heartbeatMs: 100 } });
  for (const asset of assets) desk.say(asset, '1001');
  desk.publisher.begin('a:1');
  await waitFor(async () => (await valkey.bulk.call('DBSIZE')) === 1_000);
  await waitFor(() => heard.at(-1)?.records.length === 0);
  const storedBefore = desk.metrics.recordsStored.value;
  const batchesBefore = heard.length;
  await valkey.bulk.call('FLUSHALL');
  await waitFor(async () => (await valkey.bulk.call('DBSIZE')) === 1_000);
  // Three heartbeats, one that was under way, and one more until this was noticed; all at once would be 1,000 each.
  expect(desk.metrics.recordsStored.value - storedBefore).toBeLessThanOrEqual(400 * (heard.length - batchesBefore + 1));
});

test('never gives a price that nobody confirms another timestamp, however often it is written', async () => {
  const desk = openDesk({
    publish: { intervalMs: 10, heartbeatMs: 50 },
    freshness: { freshMs: 100, staleMs: 300, deadMs: 800 },
  });
  desk.publisher.begin('a:1');
  desk.say('BTC', '1005');
  const first = await waitFor(() => stored('BTC'));
  // Even when Valkey's time turns out to be another.
  desk.skewMs = 20;
  const last = await waitFor(async () => {
    const text = await valkey.bulk.get('price:BTC');
    return text?.includes('"status":"dead"') === true && decodePriceRecord(text);
  });
  expect(last.confirmedAtMs).toBe(first.confirmedAtMs);
  expect(last.seq).toBeGreaterThan(first.seq);
  expect(heardOf('BTC')).toHaveLength(1);
});

test('goes above a greater seq that is already stored, and stays above it', async () => {
  const desk = openDesk();
  const future = Math.floor(valkey.serverTimeMs() * 1_000) + 3_600_000_000;
  desk.say('BTC', '1005');
  desk.publisher.begin('a:1');
  const record = await waitFor(() => stored('BTC'));
  const text = JSON.stringify({ price: 1, seq: record.seq }).replace(String(record.seq), String(future));
  await valkey.bulk.call('SET', 'price:BTC', text);
  desk.say('BTC', '1006');
  const next = await waitFor(() => stored('BTC'));
  expect([next.priceText, next.seq]).toEqual(['1006', future + 1]);
  desk.say('BTC', '1007');
  await waitFor(async () => (await stored('BTC'))?.priceText === '1007');
  expect((await stored('BTC'))?.seq).toBe(future + 2);
  expect(desk.metrics.recordsRefused.value).toBe(1);
  await waitFor(() => heardOf('BTC').length === 3);
});

test('brings every price back after FLUSHALL, with the age it has', async () => {
  const desk = openDesk();
  desk.publisher.begin('a:1');
  desk.say('BTC', '1005');
  desk.say('ETH', '7', systemClock.monotonicMs() - 14_000);
  await waitFor(() => stored('BTC'));
  const quiet = await waitFor(() => stored('ETH'));
  await valkey.bulk.call('FLUSHALL');
  const flushedMs = systemClock.monotonicMs();
  await waitFor(async () => (await stored('BTC')) !== undefined && (await stored('ETH')) !== undefined);
  expect(systemClock.monotonicMs() - flushedMs).toBeLessThan(2_000);
  expect((await stored('ETH'))?.confirmedAtMs).toBe(quiet.confirmedAtMs);
});

test('keeps the latest value alone while Valkey hangs, and sends it when Valkey is back', async () => {
  const desk = openDesk({ publish: { intervalMs: 10, heartbeatMs: 60_000 } });
  desk.publisher.begin('a:1');
  desk.say('BTC', '1001');
  await waitFor(() => heardOf('BTC').length === 1);
  const storedBefore = desk.metrics.recordsStored.value;
  server.hang();
  try {
    for (let price = 1002; price <= 1_050; price += 1) desk.say('BTC', String(price));
    await waitFor(() => desk.metrics.roundsFailed.value > 0);
  } finally {
    server.resume();
  }
  await waitFor(() => heardOf('BTC').at(-1)?.priceText === '1050');
  expect((await stored('BTC'))?.priceText).toBe('1050');
  expect(desk.metrics.recordsStored.value - storedBefore).toBeLessThanOrEqual(2);
});

test('sends nothing without a lease, nor for the rest of a round once it is lost', async () => {
  const desk = openDesk({ assets: Array.from({ length: 450 }, (_, index) => `A${index}`) });
  desk.say('A0', '1001');
  expect(await valkey.bulk.call('DBSIZE')).toBe(0);
  for (const asset of desk.book.assets) desk.say(asset, '1001');
  let reads = 0;
  Object.defineProperty(desk, 'lease', { get: () => ((reads += 1) <= 2 ? 'a:1' : undefined) });
  desk.publisher.begin('a:1');
  await waitFor(() => desk.metrics.roundsFailed.value > 0);
  await desk.publisher.end();
  expect([await valkey.bulk.call('DBSIZE'), heard.length]).toEqual([100, 1]);
});

test('splits many prices into batches that a reader can take at once', async () => {
  const desk = openDesk({ assets: Array.from({ length: 450 }, (_, index) => `A${index}`) });
  for (const asset of desk.book.assets) desk.say(asset, '1.5');
  desk.publisher.begin('a:1');
  await waitFor(() => heard.length >= 5);
  expect(heard.slice(0, 5).map((batch) => batch.records.length)).toEqual([100, 100, 100, 100, 50]);
  expect(await valkey.bulk.call('DBSIZE')).toBe(450);
});

test('does not let a change wait for the end of a long heartbeat, nor the heartbeat for the changes', async () => {
  const assets = Array.from({ length: 4_000 }, (_, index) => `A${index}`);
  const desk = openDesk({ assets, publish: { intervalMs: 1, heartbeatMs: 60_000 } });
  for (const asset of assets) desk.say(asset, '1001');
  desk.publisher.begin('a:1');
  await waitFor(() => heard.length > 0);
  let price = 100_100;
  const changing = systemClock.setInterval(() => desk.say('A0', String((price += 1))), 1);
  await waitFor(() => heardOf('A3999').length > 0);
  changing.cancel();
  const batchOf = (asset: string, isWanted: (record: PriceRecord) => boolean): number =>
    heard.findIndex(({ records }) => records.some((record) => record.asset === asset && isWanted(record)));
  expect(batchOf('A0', (record) => record.priceText !== '1001')).toBeLessThan(batchOf('A3999', () => true));
});

test('one record that Valkey never takes holds up no other price, nor the heartbeat', async () => {
  const assets = Array.from({ length: 450 }, (_, index) => `A${index}`);
  const desk = openDesk({ assets, publish: { intervalMs: 10, heartbeatMs: 300 } });
  await valkey.bulk.call('RPUSH', 'price:A0', 'no record');
  for (const asset of assets) desk.say(asset, '1001');
  desk.publisher.begin('a:1');
  await waitFor(() => heardOf('A449').length > 0);
  // Later heartbeats get to the end as well, past the retries of the bad one.
  const failedBefore = desk.metrics.roundsFailed.value;
  await waitFor(() => desk.metrics.roundsFailed.value > failedBefore + 2);
  for (const asset of assets) desk.say(asset, '1001');
  const confirmedMs = valkey.serverTimeMs();
  await waitFor(() => (instantsOf('A449').at(-1) ?? 0) >= confirmedMs - 5);
  desk.say('A449', '1002');
  await waitFor(() => heardOf('A449').at(-1)?.priceText === '1002');
  expect(await valkey.bulk.call('DBSIZE')).toBe(450);
  expect(heardOf('A0')).toEqual([]);
  await valkey.bulk.call('DEL', 'price:A0');
  await waitFor(() => heardOf('A0').length > 0);
});
