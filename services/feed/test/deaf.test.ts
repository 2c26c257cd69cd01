/** Two instances of one feed, each with its own way to the exchange: what readers see when the active one hears nothing. */
import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestValkey,
  waitFor,
  type Proxy,
  type TestValkey,
} from '@weir/testing';
import { publishDocuments, type Subscription, type Valkey } from '@weir/valkey';
import { decodePriceRecord, decodePriceUpdateBatch, type PriceUpdateBatch } from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFeed } from '../src/app.ts';
import { createConnector } from '../src/connect/connector.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith } from './sample-document.ts';

const FEED = 'weir/majors';

let server: TestValkey;
let valkey: Valkey;
let exchanges: Exchanges;
let subscription: Subscription;
let heard: PriceUpdateBatch[] = [];
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
  subscription = valkey.subscribe(['price:updates'], {
    message: (_channel, text) => {
      const batch = decodePriceUpdateBatch(text);
      if (batch !== undefined) heard.push(batch);
    },
  });
});
afterAll(async () => {
  await subscription.close();
  await valkey.close();
  await server.stop();
});
beforeEach(async () => {
  await valkey.bulk.call('FLUSHALL');
  exchanges = await startExchanges({
    venues: ['coinbase'],
    pairs: [{ asset: 'BTC', quote: 'USD', price: '64123.07' }],
    ticksPerSecond: 20,
  });
  cleanups.push(() => exchanges.stop());
  const [source] = [{ name: 'coinbase', exchange: 'coinbase' }].map((named) => addressed(named, exchanges.addresses));
  const document = documentWith({
    assets: ['BTC'],
    sources: source === undefined ? [] : [source],
    freshness: { freshMs: 2_000, staleMs: 4_000, deadMs: 60_000 },
    fallback: { enabled: false },
  });
  await publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, JSON.stringify(document)]]));
  heard = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Resolves when it hears the exchange. */
async function start(node: string): Promise<Proxy> {
  const { port } = new URL(exchanges.addresses['coinbase']?.ws ?? '');
  const proxy = await startProxy({ port: Number(port) });
  cleanups.push(() => proxy.stop());
  const feed = await startFeed({
    feed: FEED,
    node,
    valkey,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    connect: (options) => createConnector({ ...options, url: `ws://127.0.0.1:${proxy.port}` }),
  });
  cleanups.push(() => feed.stop());
  await waitFor(() => feed.status().assets.fresh === 1);
  return proxy;
}

const lastLease = (): string => heard.at(-1)?.lease ?? '';

/** In the order of publication. */
function expectRisingSeqs(): void {
  const seqs = heard.flatMap(({ records }) => records.map(({ seq }) => seq));
  expect(seqs).toEqual([...new Set(seqs)].toSorted((x, y) => x - y));
}

function cut(proxy: Proxy): void {
  proxy.refuse(true);
  proxy.cut();
}

const holders = (): readonly string[] => [...new Set(heard.map(({ lease }) => lease))];

test('an active instance that no exchange reaches gives the lease to one that hears some, and prices go on', async () => {
  const first = await start('a');
  await waitFor(() => lastLease().startsWith('a:'));
  const second = await start('b');
  cut(first);
  await waitFor(() => lastLease().startsWith('b:'), 20_000);
  const record = await waitFor(async () => {
    const stored = decodePriceRecord((await valkey.bulk.get('price:BTC')) ?? '');
    return stored !== undefined && valkey.serverTimeMs() - stored.confirmedAtMs < 2_000 && stored;
  });
  expect(record.source).toBe('coinbase-ws');
  // Nobody hears anything now: whoever has it keeps it, until somebody hears.
  cut(second);
  const key = `feed:lease:${FEED}`;
  await waitFor(
    async () => (await valkey.bulk.get(key))?.startsWith('b:') && (await valkey.bulk.get(key))?.endsWith(' deaf'),
    20_000,
  );
  const batches = heard.length;
  await waitFor(() => heard.length > batches + 4, 20_000);
  expect(holders()).toHaveLength(2);
  first.refuse(false);
  await waitFor(() => lastLease().startsWith('a:'), 60_000);
  expect(holders()).toHaveLength(3);
  expectRisingSeqs();
}, 120_000);
