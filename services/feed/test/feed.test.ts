/** The feed on a real Valkey, its venues scripted: what a document makes it do. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { publishDocuments, type Valkey } from '@weir/valkey';
import { decodePriceRecord, type FeedDocument, type FeedStatus, type PriceRecord } from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFeed, type Feed } from '../src/app.ts';
import { openValkey } from './open-valkey.ts';
import { documentWith, NOWHERE } from './sample-document.ts';
import { createScriptedVenues, type ScriptedConnector, type ScriptedVenues } from './scripted-venues.ts';

const FEED = 'weir/majors';

let server: TestValkey;
let valkey: Valkey;
let venues: ScriptedVenues;
let feeds: Feed[] = [];

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
  await listMarkets();
  venues = createScriptedVenues();
});
afterEach(async () => {
  await Promise.all(feeds.map((feed) => feed.stop()));
  feeds = [];
});

/** What the exchanges list, as another feed has left it; they themselves are not to be had. */
async function listMarkets(): Promise<void> {
  const pairs = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'BTC-EUR', 'ETH-EUR'];
  for (const [venue, separator] of Object.entries({ coinbase: '-', kraken: '/' })) {
    const key = keyspace.venueInstruments.key({ venue });
    const fields = pairs.flatMap((pair) => [pair, pair.replace('-', separator)]);
    await valkey.bulk.call('HSET', key, 'from', NOWHERE, ...fields);
    await valkey.bulk.call('EXPIRE', key, keyspace.venueInstruments.ttlSeconds);
  }
}

async function start(node = 'a', its = valkey): Promise<Feed> {
  const feed = await startFeed({
    feed: FEED,
    node,
    valkey: its,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    connect: venues.connect,
  });
  feeds.push(feed);
  return feed;
}

const publish = (document: FeedDocument | undefined): Promise<number> =>
  publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, document && JSON.stringify(document)]]));

async function connectorOf(venue: string): Promise<ScriptedConnector> {
  return waitFor(() => venues.running(venue)[0]);
}

async function stored(pair: string): Promise<PriceRecord | undefined> {
  return decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '');
}

async function reported(): Promise<FeedStatus | undefined> {
  const text = await valkey.bulk.get(`feed:status:${FEED}`);
  // Written by the feed under test.
  return text === null ? undefined : (JSON.parse(text) as FeedStatus);
}

test('is idle without a document, and publishes the median of its sources once there is one', async () => {
  const feed = await start();
  await waitFor(() => feed.role === 'idle');
  await publish(documentWith({ quote: 'EUR', publish: { intervalMs: 50, heartbeatMs: 60_000 } }));
  const coinbase = await connectorOf('coinbase');
  const kraken = await connectorOf('kraken');
  expect(coinbase.options.symbols).toContainEqual({ asset: 'BTC', quote: 'EUR', symbol: 'BTC-EUR' });
  coinbase.say('BTC', '64123.07');
  await waitFor(async () => (await stored('BTC-EUR'))?.priceText === '64123.07');
  kraken.say('BTC', '64123.08');
  const record = await waitFor(async () => {
    const latest = await stored('BTC-EUR');
    return latest?.priceText === '64123.075' && latest;
  });
  expect(record).toMatchObject({ source: 'median', sources: ['coinbase-ws', 'kraken-ws'], confidenceText: '6.412307' });
});

const hasSymbol = (markets: ScriptedConnector['markets'], symbol: string): boolean =>
  markets.some((market) => market.symbol === symbol);

test('applies changes of the document without touching the sources that stay as they are', async () => {
  const seq = await publish(documentWith());
  const feed = await start();
  const kraken = await connectorOf('kraken');
  await publish(
    documentWith({
      sources: [
        { name: 'coinbase', exchange: 'coinbase', symbols: { BTC: 'XBT-USD' }, restUrl: NOWHERE },
        { name: 'kraken', exchange: 'kraken', restUrl: NOWHERE },
      ],
    }),
  );
  const coinbase = await waitFor(() => venues.running('coinbase').find(({ markets }) => hasSymbol(markets, 'XBT-USD')));
  expect(venues.running('coinbase')).toEqual([coinbase]);
  expect(venues.running('kraken')).toEqual([kraken]);
  expect(feed.status().appliedSeq).toBeGreaterThan(seq);

  const sources = [{ name: 'kraken', exchange: 'kraken', restUrl: NOWHERE }];
  await publish(documentWith({ assets: ['BTC', 'ETH', 'SOL'], sources }));
  await waitFor(() => hasSymbol(kraken.markets, 'SOL/USD'));
  expect(kraken.markets.map(({ asset }) => asset)).toEqual(['BTC', 'ETH', 'SOL']);
  expect([kraken.isStopped, coinbase.isStopped]).toEqual([false, true]);
  kraken.say('SOL', '150');
  await waitFor(() => stored('SOL'));
});

test('suspended, it closes its sockets, gives the lease back and publishes nothing until it is resumed', async () => {
  await publish(documentWith());
  const feed = await start();
  const before = await connectorOf('coinbase');
  before.say('BTC', '101');
  await waitFor(() => stored('BTC'));
  await publish(documentWith({ suspend: true }));
  await waitFor(() => feed.role === 'suspended' && before.isStopped);
  await waitFor(async () => (await valkey.bulk.get(`feed:lease:${FEED}`)) === null);
  before.say('BTC', '102');
  await publish(documentWith());
  const after = await connectorOf('coinbase');
  await waitFor(() => feed.role === 'active');
  after.say('BTC', '103');
  await waitFor(async () => (await stored('BTC'))?.priceText === '103');
});

test('resumed after longer than stale, it has only just begun to listen and does not leave the lease to others', async () => {
  const said: unknown[] = [];
  const run: Valkey['bulk']['run'] = (script, keys, args) => {
    if (keys[0] === `feed:lease:${FEED}` && args.length === 4) said.push(args[2]);
    return valkey.bulk.run(script, keys, args);
  };
  const bulk = Object.create(valkey.bulk, { run: { value: run } }) as Valkey['bulk'];
  const freshness = { freshMs: 500, staleMs: 1_000, deadMs: 60_000 };
  await publish(documentWith({ suspend: true, freshness }));
  const startedMs = systemClock.monotonicMs();
  const feed = await start('a', Object.create(valkey, { bulk: { value: bulk } }) as Valkey);
  await waitFor(() => feed.role === 'suspended' && systemClock.monotonicMs() - startedMs > 1_500);
  await publish(documentWith({ freshness }));
  await waitFor(() => feed.role === 'active');
  expect(said[0]).toBe('unsure');
});

test('goes idle when its document is deleted, and keeps on when only Valkey has lost it', async () => {
  await publish(documentWith());
  const feed = await start();
  const coinbase = await connectorOf('coinbase');
  coinbase.say('BTC', '101');
  await waitFor(() => stored('BTC'));
  await valkey.bulk.call('FLUSHALL');
  coinbase.say('BTC', '102');
  await waitFor(async () => (await stored('BTC'))?.priceText === '102');
  await publish(documentWith());
  await publish(undefined);
  await waitFor(() => feed.role === 'idle' && coinbase.isStopped);
});

test('a market that stands still by the list of its venue has no vote until a frame moves it, and is named', async () => {
  await valkey.bulk.call('HSET', keyspace.venueInstruments.key({ venue: 'kraken' }), 'BTC-USD:halted', '1');
  await publish(documentWith());
  await start();
  const [coinbase, kraken] = [await connectorOf('coinbase'), await connectorOf('kraken')];
  await waitFor(() => hasSymbol(kraken.markets, 'BTC/USD'));
  kraken.say('BTC', '100.6');
  kraken.say('ETH', '10');
  coinbase.say('BTC', '100');
  await waitFor(async () => (await stored('ETH')) !== undefined);
  const priceIs = (text: string) => waitFor(async () => (await stored('BTC'))?.priceText === text);
  await priceIs('100');
  kraken.say('BTC', '100.6');
  coinbase.say('BTC', '101');
  await priceIs('101');
  expect((await stored('BTC'))?.sources).toEqual(['coinbase-ws']);
  const named = { asset: 'BTC', symbol: 'BTC/USD', reason: 'stands still, as the venue lists it' };
  await waitFor(async () => (await reported())?.sources[1]?.quarantined[0]);
  expect((await reported())?.sources[1]?.quarantined).toEqual([named]);
  kraken.say('BTC', '101.2');
  await priceIs('101.1');
});

test('a halted market loses its vote at once and has it back when it goes on', async () => {
  await publish(documentWith());
  await start('pod-1');
  const [coinbase, kraken] = [await connectorOf('coinbase'), await connectorOf('kraken')];
  coinbase.say('BTC', '100');
  kraken.say('BTC', '100.2');
  const priceIs = (text: string) => waitFor(async () => (await stored('BTC'))?.priceText === text);
  await priceIs('100.1');
  kraken.halt('BTC');
  await priceIs('100');
  kraken.say('BTC', '100.2');
  coinbase.say('BTC', '100');
  await priceIs('100.1');
});

test('reports every source with its state, quarantined symbols, and why one cannot be followed', async () => {
  const [coinbase = { name: '', exchange: '' }] = documentWith().sources;
  const alone = { name: 'alone', exchange: 'kraken', url: 'ws://127.0.0.1:9' };
  const seq = await publish(documentWith({ sources: [coinbase, { name: 'mystery', exchange: 'mtgox' }, alone] }));
  await start('pod-1');
  const connector = await connectorOf('coinbase');
  const quarantined = [{ asset: 'ETH', symbol: 'ETH-USD', reason: 'ETH-USD is not a valid product' }];
  connector.report({ state: 'ok', reason: 'Live', quarantined, quarantinedCount: 1 });
  connector.say('BTC', '101');
  const status = await waitFor(async () => {
    const latest = await reported();
    return latest?.assets.fresh === 1 && latest;
  });
  expect(status).toMatchObject({
    feed: FEED,
    active: 'pod-1',
    lease: await valkey.bulk.get(`feed:lease:${FEED}`),
    appliedSeq: seq,
    assets: { total: 2, fresh: 1 },
    sources: [
      { name: 'coinbase', exchange: 'coinbase', state: 'ok', reason: 'Live', quarantined, quarantinedCount: 1 },
      {
        name: 'mystery',
        exchange: 'mtgox',
        state: 'down',
        reason: 'UnknownVenue',
        quarantined: [],
        quarantinedCount: 0,
      },
      {
        name: 'alone',
        exchange: 'kraken',
        state: 'down',
        reason: 'NoRestAddress',
        message: 'url is set and restUrl is not; set restUrl too, such as https://api.kraken.com, or remove url',
      },
    ],
  });
  // Not a connection to somebody whose markets nobody can list.
  expect(venues.running('kraken')).toEqual([]);
  const ttlSeconds = Number(await valkey.bulk.call('TTL', `feed:status:${FEED}`));
  expect(ttlSeconds).toBeGreaterThan(25);
});

test('of two instances one publishes; when it stops, the other goes on at once from its own warm values', async () => {
  await publish(documentWith());
  const first = await start('a');
  await waitFor(() => first.role === 'active');
  const second = await start('b');
  await waitFor(() => venues.running('coinbase').length === 2);
  expect(second.role).toBe('standby');
  for (const connector of venues.running('coinbase')) connector.say('BTC', '101');
  const before = await waitFor(() => stored('BTC'));
  const lease = await valkey.bulk.get(`feed:lease:${FEED}`);
  expect(lease?.startsWith('a:')).toBe(true);
  const reporters = new Map<string | undefined, string | undefined>();
  await waitFor(async () => {
    const status = await reported();
    reporters.set(status?.updatedAt, status?.active);
    return reporters.size >= 4;
  });
  expect(new Set(reporters.values())).toEqual(new Set(['a']));
  await first.stop();
  const after = await waitFor(async () => {
    const latest = await stored('BTC');
    return latest !== undefined && latest.seq > before.seq && second.role === 'active' && latest;
  });
  expect(after.priceText).toBe('101');
  await waitFor(async () => (await reported())?.active === 'b');
});

test('refuses a name that no PriceFeed can have', async () => {
  const options = { node: 'a', valkey, clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  await expect(startFeed({ ...options, feed: 'majors' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('a document that cannot be read is not said to be applied', async () => {
  const readable = await publish(documentWith());
  const feed = await start();
  await waitFor(() => feed.role === 'active');
  expect(feed.status().appliedSeq).toBe(readable);
  const unreadable = await publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, '{"feed":7}']]));
  // Another document shows that the feed has come that far.
  await publishDocuments(valkey.bulk, 'feeds', new Map([['weir/other', JSON.stringify(documentWith())]]));
  await waitFor(() => feed.status().appliedSeq !== readable || feed.status().appliedSeq < unreadable);
  expect(feed.status().appliedSeq).toBeLessThan(unreadable);
  const mended = await publish(documentWith());
  await waitFor(() => feed.status().appliedSeq >= mended);
});
