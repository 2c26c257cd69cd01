/** Prices by REST on the simulated exchanges: before the sockets, in their place, and the lists of markets that all of it stands on. */
import { systemClock } from '@weir/clock';
import { startExchanges, venueIds, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestValkey,
  waitFor,
  type Proxy,
  type TestValkey,
} from '@weir/testing';
import { publishDocuments, type Valkey } from '@weir/valkey';
import { findVenue } from '@weir/venues';
import { decodePriceRecord, type FeedDocument, type FeedSource, type FeedStatus, type PriceRecord } from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFeed, type Feed } from '../src/app.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith, NOWHERE } from './sample-document.ts';

const FEED = 'weir/majors';

let server: TestValkey;
let valkey: Valkey;
let exchanges: Exchanges;
let telemetry = createTestTelemetry();
const cleanups: (() => Promise<unknown>)[] = [];

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
  telemetry = createTestTelemetry();
  exchanges = await startExchanges({
    venues: venueIds,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3100.5' },
    ],
    ticksPerSecond: 0,
  });
  cleanups.push(() => exchanges.stop());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The source as simulated, with what is said otherwise of it. */
function sourceOf(exchange: string, change: Partial<FeedSource> = {}): FeedSource {
  return { ...addressed({ name: exchange, exchange }, exchanges.addresses), ...change };
}

async function publish(change: Partial<FeedDocument>): Promise<void> {
  await publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, JSON.stringify(documentWith(change))]]));
}

async function start(change: Partial<FeedDocument>): Promise<Feed> {
  await publish(change);
  return startInstance('a', valkey);
}

async function startInstance(node: string, its: Valkey, own = telemetry): Promise<Feed> {
  const parts = { valkey: its, clock: systemClock, logger: silentLogger, telemetry: own };
  const feed = await startFeed({ ...parts, feed: FEED, node });
  cleanups.push(() => feed.stop());
  return feed;
}

async function proxyOf(address: string): Promise<{ readonly proxy: Proxy; readonly address: string }> {
  const url = new URL(address);
  const proxy = await startProxy({ port: Number(url.port) });
  cleanups.push(() => proxy.stop());
  url.port = String(proxy.port);
  return { proxy, address: url.href.replace(/\/$/, '') };
}

async function stored(pair: string): Promise<PriceRecord | undefined> {
  return decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '');
}

const waitForSource = (pair: string, source: string, timeoutMs = 10_000): Promise<PriceRecord> =>
  waitFor(async () => {
    const record = await stored(pair);
    return record?.sources.includes(source) === true && record;
  }, timeoutMs);

async function reported(): Promise<FeedStatus | undefined> {
  const text = await valkey.bulk.get(keyspace.feedStatus.key({ namespace: 'weir', name: 'majors' }));
  // Written by the feed under test.
  return text === null ? undefined : (JSON.parse(text) as FeedStatus);
}

const ageMs = (record: PriceRecord): number => valkey.serverTimeMs() - record.confirmedAtMs;

async function batches(): Promise<number> {
  const counted =
    /^weir_upstream_requests_total\{.*outcome="ok".*purpose="batch".*\} (\d+)|^weir_upstream_requests_total\{.*purpose="batch".*outcome="ok".*\} (\d+)/m;
  const found = counted.exec(await telemetry.scrape());
  return Number(found?.[1] ?? found?.[2] ?? 0);
}

test('REST takes the place of a socket that is cut, keeps the price fresh, and gives the place back', async () => {
  const { proxy, address } = await proxyOf(exchanges.addresses['kraken']?.ws ?? '');
  const feed = await start({ assets: ['BTC'], sources: [sourceOf('kraken', { url: address })] });
  await waitForSource('BTC', 'kraken-ws');
  proxy.refuse(true);
  proxy.cut();
  await waitForSource('BTC', 'kraken-rest', 20_000);
  exchanges.venue('kraken').setPrice('BTC', '64200.5');
  const moved = await waitFor(async () => {
    const record = await stored('BTC');
    return record?.priceText === '64200.5' && record;
  });
  expect(moved.source).toBe('kraken-rest');
  expect(ageMs(moved)).toBeLessThan(5_000);
  // An unchanged price stays young too.
  await waitFor(async () => ((await stored('BTC'))?.confirmedAtMs ?? 0) > moved.confirmedAtMs + 3_000);
  const message = expect.stringContaining('prices come by REST');
  expect(feed.status().sources[0]).toMatchObject({ state: 'down', message });

  proxy.refuse(false);
  await waitFor(() => feed.status().sources[0]?.state === 'ok', 40_000);
  await waitForSource('BTC', 'kraken-ws', 20_000);
  // Hysteresis: REST goes on for 10 s beside the socket, and then no more.
  const silentSince = await waitFor(async () => {
    const count = await batches();
    const startMs = systemClock.monotonicMs();
    await waitFor(() => systemClock.monotonicMs() - startMs > 4_000);
    return (await batches()) === count && count;
  }, 40_000);
  expect(silentSince).toBeGreaterThan(1);
}, 120_000);

test('a standby leaves the quota of a venue to the active instance, and has fresh prices within 3 s of its end', async () => {
  const url = 'ws://127.0.0.1:9';
  await publish({ assets: ['BTC'], sources: [sourceOf('kraken', { url, prewarm: { intervalMs: 5_000 } })] });
  const { proxy, address } = await proxyOf(server.url);
  const itsValkey = await openValkey(address);
  cleanups.push(() => itsValkey.close());
  const active = await startInstance('a', itsValkey);
  await waitFor(() => active.role === 'active');
  const its = createTestTelemetry();
  const standby = await startInstance('b', valkey, its);
  await waitForSource('BTC', 'kraken-rest', 20_000);
  expect([active.role, standby.role]).toEqual(['active', 'standby']);
  // By now its own socket is down for as long as that of the other.
  const sinceMs = systemClock.monotonicMs();
  await waitFor(() => systemClock.monotonicMs() - sinceMs > 6_000);
  expect(await its.scrape()).not.toContain('purpose="batch"');

  exchanges.venue('kraken').setPrice('BTC', '64300.5');
  proxy.refuse(true);
  proxy.cut();
  await waitFor(() => standby.role === 'active');
  const activeMs = systemClock.monotonicMs();
  await waitFor(async () => (await stored('BTC'))?.priceText === '64300.5');
  expect(systemClock.monotonicMs() - activeMs).toBeLessThan(2_000);
  expect(await its.scrape()).toContain('purpose="batch"');
  const record = await stored('BTC');
  expect(record && ageMs(record)).toBeLessThan(3_000);
  expect(active.role).toBe('standby');
}, 90_000);

test('a standstill whose end the socket cannot tell is over when REST shows another price', async () => {
  const { proxy, address } = await proxyOf(exchanges.addresses['kraken']?.ws ?? '');
  const feed = await start({ assets: ['BTC'], sources: [sourceOf('kraken', { url: address })] });
  await waitForSource('BTC', 'kraken-ws');
  exchanges
    .venue('kraken')
    .push(
      '{"channel":"status","type":"update","data":[{"version":"2.0.0","system":"maintenance","api_version":"v2","connection_id":1}]}',
    );
  await waitFor(() => feed.status().sources[0]?.state === 'halted');
  proxy.refuse(true);
  proxy.cut();
  await waitFor(async () => (await batches()) > 3, 30_000);
  // Asked for, and not believed: nothing says that it is traded again.
  expect((await stored('BTC'))?.source).toBe('kraken-ws');
  await waitFor(async () => {
    const text = String(64_200 + (systemClock.monotonicMs() % 1_000) / 1_000);
    exchanges.venue('kraken').setPrice('BTC', text.slice(0, 8));
    return (await stored('BTC'))?.source === 'kraken-rest';
  }, 40_000);
}, 120_000);

test.for(venueIds)('%s: a prewarm gives prices before any socket does', async (exchange) => {
  const quote = findVenue(exchange)?.settlement ?? '';
  const url = 'ws://127.0.0.1:9';
  const source = sourceOf(exchange, { url, prewarm: { intervalMs: 1_000 } });
  await start({ quote, assets: ['BTC', 'ETH'], sources: [source], fallback: { enabled: false } });
  const suffix = quote === 'USD' ? '' : '-USDT';
  const first = await waitForSource(`BTC${suffix}`, `${exchange}-prewarm`);
  expect(first.source).toBe(`${exchange}-prewarm`);
  await waitForSource(`ETH${suffix}`, `${exchange}-prewarm`);
  await waitFor(async () => ((await stored(`BTC${suffix}`))?.confirmedAtMs ?? 0) > first.confirmedAtMs + 1_000);
});

test('a parameter asks for the prewarm of all feeds, of the assets it names', async () => {
  await valkey.bulk.call('HSET', keyspace.appConfig.key(), 'coinbase_prewarm_assets', 'ETH');
  const source = sourceOf('coinbase', { url: 'ws://127.0.0.1:9' });
  await start({ sources: [source], fallback: { enabled: false } });
  await waitForSource('ETH', 'coinbase-prewarm');
  expect(await stored('BTC')).toBeUndefined();
});

test('a list that another process has left in Valkey is enough while the venue does not answer by REST', async () => {
  const key = keyspace.venueInstruments.key({ venue: 'kraken' });
  await valkey.bulk.call('HSET', key, 'from', NOWHERE, 'BTC-USD', 'BTC/USD');
  await start({ assets: ['BTC'], sources: [sourceOf('kraken', { restUrl: NOWHERE })], fallback: { enabled: false } });
  await waitForSource('BTC', 'kraken-ws');
});

test('without a list the source says so, and goes on as soon as there is one', async () => {
  const { proxy, address } = await proxyOf(exchanges.addresses['kraken']?.rest ?? '');
  proxy.refuse(true);
  const feed = await start({ assets: ['BTC'], sources: [sourceOf('kraken', { restUrl: address })] });
  await waitFor(() => feed.status().sources[0]?.state === 'down');
  expect(feed.status().sources[0]).toMatchObject({ reason: 'NoInstruments' });
  proxy.refuse(false);
  await waitForSource('BTC', 'kraken-ws', 30_000);
});

test("the operator's own symbols need no list", async () => {
  const source = sourceOf('kraken', { restUrl: NOWHERE, symbols: { BTC: 'BTC/USD' } });
  await start({ assets: ['BTC'], sources: [source], fallback: { enabled: false } });
  await waitForSource('BTC', 'kraken-ws');
});

test('an asset that the venue does not list is named, and the others flow', async () => {
  await start({ assets: ['BTC', 'NOPE'], sources: [sourceOf('coinbase')] });
  await waitForSource('BTC', 'coinbase-ws');
  const status = await waitFor(async () => {
    const latest = await reported();
    return latest?.sources[0]?.reason === 'MarketsMissing' && latest;
  });
  expect(status.sources[0]).toMatchObject({
    state: 'ok',
    quarantined: [{ asset: 'NOPE', symbol: 'NOPE-USD', reason: 'not listed by the venue' }],
    quarantinedCount: 1,
  });
});

test('a source in USDT counts in dollars, by the rate that the sources in dollars are asked for', async () => {
  await start({ assets: ['BTC'], sources: [sourceOf('coinbase'), sourceOf('bybit')] });
  const record = await waitForSource('BTC', 'bybit-ws', 20_000);
  expect(Number(record.priceText) / 64_123.07).toBeCloseTo(1, 2);
  expect(exchanges.venue('coinbase').received.join()).toContain('USDT-USD');
  expect(exchanges.venue('bybit').received.join()).toContain('BTCUSDT');
});

test('a source in USDT without a dollar rate says so, until a source in dollars tells one', async () => {
  const sources = [sourceOf('bybit')];
  await start({ assets: ['BTC'], sources });
  const reasonOf = async (): Promise<string | undefined> =>
    (await reported())?.sources.find(({ name }) => name === 'bybit')?.reason;
  await waitFor(async () => (await reasonOf()) === 'NoUsdtRate');
  expect(await stored('BTC')).toBeUndefined();
  await publish({ assets: ['BTC'], sources: [...sources, sourceOf('coinbase')] });
  await waitForSource('BTC', 'bybit-ws', 20_000);
  await waitFor(async () => (await reasonOf()) === 'Live');
});

test('an asset more is asked for by the connection that there is', async () => {
  const sources = [sourceOf('coinbase')];
  await start({ assets: ['BTC'], sources });
  await waitForSource('BTC', 'coinbase-ws');
  const before = exchanges.venue('coinbase').received.length;
  await publish({ assets: ['BTC', 'ETH'], sources });
  await waitForSource('ETH', 'coinbase-ws');
  const after = exchanges.venue('coinbase').received.slice(before);
  expect(after).toHaveLength(1);
  expect(JSON.parse(after[0] ?? '')).toMatchObject({ type: 'subscribe', product_ids: ['ETH-USD'] });
  expect(exchanges.venue('coinbase').connections).toBe(1);
});
