/** The whole chain, exchange to subscriber: simulated exchange, feeds, real Valkey, real Postgres, price over HTTP. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { startFeed } from '@weir/feed';
import { listen } from '@weir/http';
import { hashKeyText, issueKey, keyMigrations } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createLifecycle, type Lifecycle } from '@weir/lifecycle';
import { createPostgres, migrate } from '@weir/postgres';
import { buildPrice } from '@weir/price';
import { createTestTelemetry, silentLogger, startTestPostgres, startTestValkey, waitFor } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { formatPair, normaliseDecimalText, type FeedDocument, type PolicyDocument } from '@weir/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { keepDocuments } from '../src/keep-documents.ts';

const RECORDING = 'shared/recordings/coinbase/cryptofeed-coinbase.tickers-trades.subset.jsonl';

/** Recordings lie beside the repository, not in it: their licences differ. */
function findRecording(folder: string): string | undefined {
  const file = path.join(folder, RECORDING);
  if (existsSync(file)) return file;
  const above = path.dirname(folder);
  return above === folder ? undefined : findRecording(above);
}

function feedDocument(quote: string, assets: readonly string[], exchanges: Exchanges): FeedDocument {
  const sources = Object.entries(exchanges.addresses).map(([id, { ws, rest }]) => ({
    name: id,
    exchange: id,
    url: ws,
    restUrl: rest,
  }));
  return {
    feed: `weir/${quote.toLowerCase()}`,
    suspend: false,
    assets,
    quote,
    sources,
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 1_500, staleMs: 3_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    fallback: { enabled: true },
  };
}

const policy: PolicyDocument = {
  policy: 'weir/lifetime',
  suspend: false,
  mode: 'Enforce',
  tier: 'lifetime',
  limits: { requestsPerSecond: 1_000, burst: 2_000 },
  budget: {},
  costs: { priceMicro: 0, reportMicro: 0 },
  access: { protocols: ['http'], allowStale: true, onDemandAssets: false },
  onValkeyFailure: 'LocalLimit',
  keys: [],
};

interface Answer {
  readonly status: number;
  readonly price_text: string;
  readonly age_ms: number;
  readonly freshness: string;
  readonly seq: number;
}

interface Chain {
  readonly valkey: Valkey;
  readonly apiKey: string;
  price(pair: string): Promise<Answer>;
}

let lifecycle: Lifecycle | undefined;
afterEach(() => lifecycle?.stop('test over'));

async function startChain(exchanges: Exchanges, feeds: readonly FeedDocument[]): Promise<Chain> {
  const clock = systemClock;
  const logger = silentLogger;
  const stopping = createLifecycle({ clock, logger });
  lifecycle = stopping;
  stopping.onStop('exchanges', exchanges.stop);
  const [valkeyServer, postgresServer] = await Promise.all([startTestValkey(), startTestPostgres()]);
  stopping.onStop('valkey server', valkeyServer.stop);
  stopping.onStop('postgres server', postgresServer.stop);
  const telemetry = createTestTelemetry();
  const target = parseValkeyUrl(valkeyServer.url);
  const valkey = createValkey({ target, clock, logger, telemetry, clientName: 'chain' });
  stopping.onStop('valkey', valkey.close);
  const postgres = createPostgres({ url: postgresServer.url, clock, logger, telemetry });
  stopping.onStop('postgres', postgres.close);
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, logger)]);
  const request = { name: 'chain', project: 'chain', tier: 'lifetime', policy: '' };
  const { text } = await issueKey(postgres, valkey.bulk, request);
  const documents = { feeds, policies: [policy] };
  const keeper = await keepDocuments({ client: valkey.bulk, clock, logger, documents, onLoss: async () => {} });
  stopping.onStop('documents', keeper.stop);
  const shared = { valkey, clock, logger, telemetry, lifecycle: stopping, node: 'chain' };
  for (const { feed } of feeds) await startFeed({ ...shared, feed });
  const server = await buildPrice({ ...shared, postgres, version: '0.0.0' });
  const { url } = await listen(server, { host: '127.0.0.1', port: 0 });
  stopping.markReady();
  return {
    valkey,
    apiKey: text,
    async price(pair) {
      const response = await fetch(`${url}/price?asset=${pair}`, { headers: { authorization: `Bearer ${text}` } });
      // The record of the price API; a refusal lacks the members, on which the test then fails.
      const body = (await response.json()) as { price_text: string; age_ms: number; status: string; seq: number };
      return { ...body, freshness: body.status, status: response.status };
    },
  };
}

const recording = findRecording(import.meta.dirname);
test("a replayed recording: the price API ends at every pair's last recorded price, to the digit", async ({ skip }) => {
  skip(
    recording === undefined,
    'recordings are missing: they are read from ../shared/recordings, beside the repository',
  );
  const lines = readFileSync(recording ?? '', 'utf8')
    .trim()
    .split('\n');
  const lastPrices = new Map<string, string>();
  for (const line of lines) {
    // The recording's own format, see its README.
    const { dir, raw } = JSON.parse(line) as { dir: string; raw: string };
    if (dir !== 'in') continue;
    const frame = JSON.parse(raw) as { type: string; product_id: string; price: string };
    if (frame.type === 'ticker') lastPrices.set(frame.product_id, frame.price);
  }
  const pairs = [...lastPrices.keys()].map((id) => id.split('-')).map(([asset = '', quote = '']) => ({ asset, quote }));
  const exchanges = await startExchanges({ venues: ['coinbase'], pairs, ticksPerSecond: 0 });
  const byQuote = Object.groupBy(pairs, ({ quote }) => quote);
  const feeds = Object.entries(byQuote).map(([quote, listed = []]) =>
    feedDocument(
      quote,
      listed.map(({ asset }) => asset),
      exchanges,
    ),
  );
  expect(feeds.map(({ quote }) => quote).toSorted()).toEqual(['BTC', 'EUR', 'GBP', 'USD']);
  const chain = await startChain(exchanges, feeds);
  const control = exchanges.venue('coinbase');
  await waitFor(() => pairs.every((pair) => control.subscribers(formatPair(pair)) > 0));
  await control.replay(lines, { speed: 200 });
  for (const pair of pairs) {
    const expected = normaliseDecimalText(lastPrices.get(`${pair.asset}-${pair.quote}`) ?? '');
    await waitFor(async () => (await chain.price(formatPair(pair))).price_text === expected);
  }
});

describe('a served price', () => {
  async function startOnePair(): Promise<{ chain: Chain; exchanges: Exchanges }> {
    const pairs = [{ asset: 'BTC', quote: 'USD', price: '64123.07' }];
    const exchanges = await startExchanges({ venues: ['coinbase', 'kraken'], pairs, ticksPerSecond: 0 });
    const chain = await startChain(exchanges, [feedDocument('USD', ['BTC'], exchanges)]);
    await waitFor(async () => (await chain.price('BTC')).freshness === 'fresh');
    return { chain, exchanges };
  }

  test('turns stale with its true age when its exchanges are cut off, and is fresh within 2 s of their return', async () => {
    const { chain, exchanges } = await startOnePair();
    const venues = [exchanges.venue('coinbase'), exchanges.venue('kraken')];
    const before = await chain.price('BTC');
    for (const venue of venues) venue.cut();
    const cutMs = systemClock.monotonicMs();
    await waitFor(async () => (await chain.price('BTC')).freshness === 'stale');
    const stale = await chain.price('BTC');
    const sinceCutMs = systemClock.monotonicMs() - cutMs;
    expect(stale.price_text).toBe(before.price_text);
    // Proof of life came once a second, so the age is that of the cut, up to a second and the slack of a busy machine.
    expect(stale.age_ms).toBeGreaterThan(sinceCutMs - 300);
    expect(stale.age_ms).toBeLessThan(sinceCutMs + before.age_ms + 2_000);

    for (const venue of venues) venue.restore();
    const backMs = systemClock.monotonicMs();
    await waitFor(async () => (await chain.price('BTC')).freshness === 'fresh');
    expect(systemClock.monotonicMs() - backMs).toBeLessThan(2_000);
  });

  test('prices, keys and documents are back in Valkey within 3 s of FLUSHALL, and no request fails meanwhile', async () => {
    const { chain } = await startOnePair();
    const { valkey, apiKey } = chain;
    const before = await chain.price('BTC');
    await valkey.bulk.call('FLUSHALL');
    const flushedMs = systemClock.monotonicMs();
    const keys = [
      keyspace.price.key({ pair: 'BTC' }),
      keyspace.apiKey.key({ sha256: hashKeyText(apiKey) }),
      keyspace.feeds.key(),
      keyspace.policies.key(),
    ];
    await waitFor(async () => {
      expect((await chain.price('BTC')).status).toBe(200);
      return Number(await valkey.bulk.call('EXISTS', ...keys)) === keys.length;
    });
    expect(systemClock.monotonicMs() - flushedMs).toBeLessThan(3_000);
    expect((await chain.price('BTC')).seq).toBeGreaterThanOrEqual(before.seq);
  });
});
