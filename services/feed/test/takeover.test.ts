/** Two processes of one feed: what readers of Valkey see when one of them, or what Valkey holds, is lost. */
import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import { startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { publishDocuments, type Subscription, type Valkey } from '@weir/valkey';
import {
  decodeClusterStats,
  decodePriceRecord,
  decodePriceUpdateBatch,
  type FeedStatus,
  type PriceUpdateBatch,
} from '@weir/wire';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runFeedToEnd, startFeedProcess, type FeedProcess } from './feed-process.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith } from './sample-document.ts';

const FEED = 'weir/majors';

// Every one of these starts processes, which takes long on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

interface Heard extends PriceUpdateBatch {
  readonly atMs: number;
}

let server: TestValkey;
let valkey: Valkey;
let exchanges: Exchanges;
let subscription: Subscription;
let heard: Heard[] = [];
const processes = new Map<string, FeedProcess>();

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
  exchanges = await startExchanges({
    venues: ['coinbase', 'kraken'],
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3100.5' },
    ],
    ticksPerSecond: 40,
  });
  subscription = valkey.subscribe(['price:updates'], {
    message: (_channel, text) => {
      const batch = decodePriceUpdateBatch(text);
      if (batch !== undefined) heard.push({ ...batch, atMs: systemClock.monotonicMs() });
    },
  });
});
afterAll(async () => {
  await Promise.all([...processes.values()].map((feed) => feed.kill('SIGKILL')));
  await subscription.close();
  await valkey.close();
  await exchanges.stop();
  await server.stop();
});

/** Starts what does not run; ready when every process is connected to every venue: the standby is warm. */
async function ensurePair(): Promise<void> {
  await publishDocument();
  const missing = ['a', 'b'].filter((node) => !processes.has(node));
  const started = missing.map((node) => startFeedProcess({ feed: FEED, node, valkey: server.url }));
  for (const [index, feed] of (await Promise.all(started)).entries()) processes.set(missing[index] ?? '', feed);
  for (const { url } of processes.values()) await waitFor(async () => (await fetch(`${url}/readyz`)).ok);
  for (const venue of ['coinbase', 'kraken']) await waitFor(() => exchanges.venue(venue).subscribers('BTC') === 2);
  await waitFor(async () => (await seqOf('BTC')) > 0 && (await seqOf('ETH')) > 0);
  heard = [];
}

async function kill(node: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null | undefined> {
  const feed = processes.get(node);
  processes.delete(node);
  return feed?.kill(signal);
}

async function publishDocument(): Promise<void> {
  const { sources, ...document } = documentWith();
  const simulated = sources.map((source) => addressed(source, exchanges.addresses));
  await publishDocuments(valkey.bulk, 'feeds', new Map([[FEED, JSON.stringify({ ...document, sources: simulated })]]));
}

async function seqOf(pair: string): Promise<number> {
  return decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '')?.seq ?? 0;
}

/** The name of the process that holds the lease, and that of the other. */
async function roles(): Promise<{ active: string; standby: string; lease: string }> {
  const lease = await waitFor(() => valkey.bulk.get(`feed:lease:${FEED}`));
  const active = lease.split(':')[0] ?? '';
  return { active, standby: active === 'a' ? 'b' : 'a', lease };
}

/** In the order of publication, per pair; waits until there is something to compare. */
async function expectRisingSeqs(): Promise<void> {
  for (const asset of ['BTC', 'ETH']) {
    const heardSeqs = (): number[] =>
      heard.flatMap(({ records }) => records.filter((record) => record.asset === asset)).map(({ seq }) => seq);
    await waitFor(() => heardSeqs().length > 2);
    const seqs = heardSeqs();
    expect(seqs).toEqual([...new Set(seqs)].toSorted((x, y) => x - y));
  }
}

test('each says over HTTP what it does', async () => {
  await ensurePair();
  const { active, standby, lease } = await roles();
  const ask = async (node: string, path: string): Promise<string> =>
    (await fetch(`${processes.get(node)?.url}${path}`)).text();
  expect(JSON.parse(await ask(active, '/health'))).toMatchObject({ feed: FEED, node: active, role: 'active' });
  expect(JSON.parse(await ask(standby, '/health'))).toMatchObject({ role: 'standby', assets: { total: 2, fresh: 2 } });
  expect(await ask(active, '/metrics')).toMatch(/^weir_feed_active\{feed="weir\/majors"\} 1$/m);
  expect(await ask(standby, '/metrics')).toMatch(/^weir_feed_active\{feed="weir\/majors"\} 0$/m);
  const status = await waitFor(() => valkey.bulk.get(`feed:status:${FEED}`));
  // Written by the feed under test.
  expect(JSON.parse(status) as FeedStatus).toMatchObject({ active, lease });
});

test('each is on the list of processes while it runs, and only then', async () => {
  await ensurePair();
  const nodes = async (): Promise<unknown> => valkey.bulk.call('ZRANGE', keyspace.clusterNodes.key(), 0, -1);
  await waitFor(async () => String(await nodes()) === 'feed:a,feed:b');
  const stats = decodeClusterStats((await valkey.bulk.get(keyspace.clusterStats.key({ node: 'b' }))) ?? '');
  expect(stats).toMatchObject({ node: 'b', role: 'feed', tcp_requests: 0 });
  expect(stats).not.toHaveProperty('applied_policies_seq');
  await kill('b', 'SIGTERM');
  expect(await nodes()).toEqual(['feed:a']);
});

test('after FLUSHALL every price is back within 3 s, without a restart, from one publisher', async () => {
  await ensurePair();
  const before = await seqOf('BTC');
  await valkey.bulk.call('FLUSHALL');
  const flushedMs = systemClock.monotonicMs();
  await waitFor(async () => (await seqOf('BTC')) > before && (await seqOf('ETH')) > 0);
  expect(systemClock.monotonicMs() - flushedMs).toBeLessThan(3_000);
  // Whoever lost the lease has noticed when its time is over.
  await waitFor(
    async () => (await roles()).lease === heard.at(-1)?.lease && systemClock.monotonicMs() - flushedMs > 2_000,
  );
  const settledMs = systemClock.monotonicMs();
  await waitFor(() => (heard.at(-1)?.atMs ?? 0) > settledMs + 1_000);
  expect(new Set(heard.filter(({ atMs }) => atMs > settledMs).map(({ lease }) => lease)).size).toBe(1);
  for (const asset of ['BTC', 'ETH']) expect(await seqOf(asset)).toBeGreaterThan(before);
});

test('the active one killed, the standby publishes every pair within 3 s and seq never goes back', async () => {
  await ensurePair();
  const { active, standby } = await roles();
  const seqBefore = await seqOf('BTC');
  await kill(active, 'SIGKILL');
  const killedMs = systemClock.monotonicMs();
  const news = await waitFor(() => heard.find((batch) => batch.lease.startsWith(`${standby}:`)));
  expect(news.atMs - killedMs).toBeLessThan(3_000);
  expect(news.number).toBe(1);
  expect(news.records.map((record) => record.asset)).toEqual(['BTC', 'ETH']);
  for (const record of news.records) expect(record.confirmedAtMs).toBeGreaterThan(valkey.serverTimeMs() - 5_000);
  await waitFor(async () => (await seqOf('BTC')) > seqBefore);
  await waitFor(() => heard.filter((batch) => batch.lease === news.lease).length > 5);
  await expectRisingSeqs();
});

test('the active one frozen past its lease sends nothing on waking: it is the standby then', async () => {
  await ensurePair();
  const { active, standby, lease } = await roles();
  const frozen = processes.get(active);
  frozen?.freeze();
  await waitFor(() => heard.some((batch) => batch.lease.startsWith(`${standby}:`)));
  const takenMs = heard.find((batch) => batch.lease.startsWith(`${standby}:`))?.atMs ?? 0;
  frozen?.thaw();
  const health = async (): Promise<{ role: string }> =>
    (await (await fetch(`${frozen?.url}/health`)).json()) as { role: string };
  await waitFor(async () => (await health()).role === 'standby');
  expect(heard.filter((batch) => batch.lease === lease && batch.atMs > takenMs)).toEqual([]);
  await expectRisingSeqs();
});

test('the active one told to stop hands over at once and ends with code 0', async () => {
  await ensurePair();
  const { active, standby } = await roles();
  const code = await kill(active, 'SIGTERM');
  const stoppedMs = systemClock.monotonicMs();
  expect(code).toBe(0);
  const news = await waitFor(() => heard.find((batch) => batch.lease.startsWith(`${standby}:`)));
  // Sooner than the lease would have ended by itself.
  expect(news.atMs - stoppedMs).toBeLessThan(1_500);
  await expectRisingSeqs();
});

test('a wrong setting is named with its fix, and --help lists them all', async () => {
  const wrong = await runFeedToEnd({ WEIR_FEED: 'majors', WEIR_VALKEY_URL: server.url });
  expect(wrong.code).toBe(2);
  expect(wrong.output).toContain('WEIR_FEED is "majors", which is not <namespace>/<name> of a PriceFeed');
  const help = await runFeedToEnd({}, ['--help']);
  expect(help.code).toBe(0);
  expect(help.output).toContain('WEIR_FEED');
});
