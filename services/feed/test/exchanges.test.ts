/** The feed with its real connectors, simulated exchanges and a real Valkey: what a subscriber sees when something breaks. */
import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { publishDocuments, type Valkey } from '@weir/valkey';
import { decodePriceRecord, type FeedDocument, type FeedStatus, type PriceRecord } from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startFeed, type Feed } from '../src/app.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith } from './sample-document.ts';

const FEED = 'weir/majors';

let server: TestValkey;
let valkey: Valkey;
let exchanges: Exchanges;
let feed: Feed | undefined;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});
beforeEach(async () => {
  await valkey.bulk.call('FLUSHALL');
  exchanges = await startExchanges({
    venues: ['coinbase', 'kraken'],
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3100.5' },
    ],
    ticksPerSecond: 0,
  });
});
afterEach(async () => {
  await feed?.stop();
  feed = undefined;
  await exchanges.stop();
});

async function start(change: Partial<FeedDocument> = {}, over: Valkey = valkey): Promise<Feed> {
  const { sources, ...document } = documentWith(change);
  const simulated = sources.map((source) => addressed(source, exchanges.addresses));
  await publishDocuments(over.bulk, 'feeds', new Map([[FEED, JSON.stringify({ ...document, sources: simulated })]]));
  const telemetry = createTestTelemetry();
  feed = await startFeed({ feed: FEED, node: 'a', valkey: over, clock: systemClock, logger: silentLogger, telemetry });
  return feed;
}

/** Of the socket alone: where REST stands in is tested in `rest.test.ts`. */
const coinbaseAlone: Partial<FeedDocument> = {
  sources: [{ name: 'coinbase', exchange: 'coinbase' }],
  fallback: { enabled: false },
};

async function stored(pair: string): Promise<PriceRecord | undefined> {
  return decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '');
}

async function storedText(pair: string): Promise<string> {
  return (await valkey.bulk.get(`price:${pair}`)) ?? '';
}

const ageMs = (record: PriceRecord): number => valkey.serverTimeMs() - record.confirmedAtMs;

async function waitForPrice(pair: string, text: string): Promise<PriceRecord> {
  return waitFor(async () => {
    const record = await stored(pair);
    return record?.priceText === text && record;
  });
}

async function reported(): Promise<FeedStatus | undefined> {
  const text = await valkey.bulk.get(`feed:status:${FEED}`);
  // Written by the feed under test.
  return text === null ? undefined : (JSON.parse(text) as FeedStatus);
}

test('publishes the median of both exchanges, and keeps an unchanged price fresh by their heartbeats', async () => {
  await start();
  exchanges.venue('coinbase').setPrice('BTC', '64123.07');
  exchanges.venue('kraken').setPrice('BTC', '64123.08');
  const first = await waitForPrice('BTC', '64123.075');
  expect(first.sources).toEqual(['coinbase-ws', 'kraken-ws']);
  const later = await waitFor(async () => {
    const record = await stored('BTC');
    return record !== undefined && record.confirmedAtMs >= first.confirmedAtMs + 1_500 && record;
  });
  expect(later.priceText).toBe('64123.075');
});

describe('an exchange that is cut off', () => {
  test('leaves its last price with its true age; back, it is fresh at once', async () => {
    const freshness = { freshMs: 1_500, staleMs: 2_000, deadMs: 60_000 };
    await start({ ...coinbaseAlone, freshness });
    exchanges.venue('coinbase').setPrice('BTC', '64123.07');
    await waitForPrice('BTC', '64123.07');
    exchanges.venue('coinbase').cut();
    await waitFor(async () => (await storedText('BTC')).includes('"status":"stale"'));
    const stale = await waitFor(() => stored('BTC'));
    expect(stale.priceText).toBe('64123.07');
    expect(ageMs(stale)).toBeGreaterThan(2_000);
    await waitFor(async () => {
      const record = await stored('BTC');
      return record !== undefined && record.seq > stale.seq;
    });
    expect((await stored('BTC'))?.confirmedAtMs).toBe(stale.confirmedAtMs);
    await waitFor(async () => {
      const status = await reported();
      return status?.sources[0]?.state === 'down' && status.assets.fresh === 0;
    });

    exchanges.venue('coinbase').restore();
    // From here on the connector's own delay counts, up to some seconds after several failures.
    await waitFor(() => exchanges.venue('coinbase').connections > 0, 40_000);
    const backMs = systemClock.monotonicMs();
    const fresh = await waitFor(async () => {
      const record = await stored('BTC');
      return record !== undefined && ageMs(record) < freshness.freshMs && record;
    });
    // 2 s by the rules of reconnect-delay.test.ts; this machine may be busy.
    expect(systemClock.monotonicMs() - backMs).toBeLessThan(10_000);
    expect(fresh.seq).toBeGreaterThan(stale.seq);
  }, 60_000);

  test('leaves the price to the other, which does not look old because of it', async () => {
    await start({ freshness: { freshMs: 1_500, staleMs: 10_000, deadMs: 60_000 } });
    exchanges.venue('coinbase').setPrice('BTC', '100');
    exchanges.venue('kraken').setPrice('BTC', '100.2');
    await waitForPrice('BTC', '100.1');
    exchanges.venue('kraken').cut();
    const record = await waitForPrice('BTC', '100');
    expect(record.source).toBe('coinbase-ws');
    expect(ageMs(record)).toBeLessThan(1_500);
  });
});

test('one symbol that the exchange refuses is named in feed:status, and the other keeps flowing', async () => {
  exchanges.venue('coinbase').refuse('ETH-USD');
  await start(coinbaseAlone);
  const status = await waitFor(async () => {
    const latest = await reported();
    return (latest?.sources[0]?.quarantined.length ?? 0) > 0 && latest;
  });
  expect(status.sources[0]).toMatchObject({ state: 'ok', quarantined: [{ asset: 'ETH', symbol: 'ETH-USD' }] });
  expect(status.sources[0]?.quarantined[0]?.reason).toContain('ETH-USD');
  for (const price of ['64123.08', '64123.09']) {
    exchanges.venue('coinbase').setPrice('BTC', price);
    await waitForPrice('BTC', price);
  }
  expect(await stored('ETH')).toBeUndefined();
  expect((await reported())?.assets).toEqual({ total: 2, fresh: 1 });
});

test('while Valkey hangs the sockets stay and the latest value is kept; back, it is published with a greater seq', async () => {
  const running = await start(coinbaseAlone);
  exchanges.venue('coinbase').setPrice('BTC', '64001');
  const before = await waitForPrice('BTC', '64001');
  const frames = exchanges.venue('coinbase').received.length;
  server.hang();
  try {
    for (let price = 64_002; price <= 64_050; price += 1) exchanges.venue('coinbase').setPrice('BTC', String(price));
    // The lease cannot be renewed: the feed stops believing in it by itself.
    await waitFor(() => running.role === 'standby');
    exchanges.venue('coinbase').setPrice('BTC', '64051');
  } finally {
    server.resume();
  }
  const after = await waitForPrice('BTC', '64051');
  expect(after.seq).toBeGreaterThan(before.seq);
  await waitFor(() => running.role === 'active');
  // Nobody has subscribed again, so nobody has connected again.
  expect(exchanges.venue('coinbase').received.length).toBe(frames);
});

test('a Valkey that was gone for longer than a lease and comes back empty has price and lease again, without a restart', async () => {
  const first = await startTestValkey();
  const client = await openValkey(first.url);
  const running = await start(coinbaseAlone, client);
  await waitFor(() => client.bulk.get('price:BTC'));
  await first.stop();
  exchanges.venue('coinbase').setPrice('BTC', '64007');
  await waitFor(() => running.role === 'standby');
  const second = await startTestValkey({ port: first.port });
  try {
    await waitFor(async () => (await client.bulk.get('price:BTC'))?.includes('"price":64007,'));
    expect((await client.bulk.get(`feed:lease:${FEED}`))?.startsWith('a:')).toBe(true);
    expect(running.role).toBe('active');
  } finally {
    await running.stop();
    await client.close();
    await second.stop();
  }
});
