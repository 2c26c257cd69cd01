/**
 * From a venue's frame to the memory of a price server: six simulated venues, one feed of many assets, three price
 * servers, all as they ship, each a process of its own.
 *
 * How long a price took is what the price servers count themselves (`weir.price.update_delay`): from the arrival of the frame
 * at the feed until their memory had it. What a frame waits before it is seen is the event loop's delay, shown beside it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { sleep, systemClock } from '@weir/clock';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl, publishDocuments, type Valkey } from '@weir/valkey';
import type { FeedDocument, FeedStatus } from '@weir/wire';
import { bundleProgram } from '../bundle.ts';
import { startExchangesServer, type ExchangesServer } from './exchanges-process.ts';
import { histogramQuantile, readHistogram, subtractHistogram, type Histogram } from './histogram.ts';
import { freePort, median, percentile, round } from './numbers.ts';
import { startServer, type ServerProcess } from './server-process.ts';
import { sumSamples } from './sum-samples.ts';
import { timeMoves } from './time-moves.ts';

export interface LatencyBenchOptions {
  readonly assets: number;
  /** Of all venues together. */
  readonly ticksPerSecond: number;
  readonly measureMs: number;
  readonly pods: number;
}

export interface LatencyBenchResult {
  readonly bench: 'latency';
  readonly assets: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Of windows of 5 s, the slowest pod's: their median, and the worst of them. What lies between is how even the machine was. */
  readonly window_p99_ms: number;
  readonly worst_window_p99_ms: number;
  /** From the venues' moving a price to a reader's having it, seen from outside; most of the venues are waited for. */
  readonly outside_p50_ms: number;
  readonly outside_p99_ms: number;
  readonly outside_moves: number;
  /** Frames with a last price that the feed has taken in. */
  readonly ticks_per_second: number;
  /** All that venues have said: ticks, trades, books that are repeated, heartbeats. */
  readonly venue_events_per_second: number;
  /** The feed's, of windows of 10 s: their median, and the worst of them. */
  readonly event_loop_p99_ms: number;
  readonly event_loop_worst_p99_ms: number;
  /** The worst of the pods' windows. */
  readonly pod_event_loop_p99_ms: number;
  /** Medians of the first and of the last minute; of shorter runs of the first and of the last third. */
  readonly feed_rss_first_mb: number;
  readonly feed_rss_last_mb: number;
  readonly pod_rss_first_mb: number;
  readonly pod_rss_last_mb: number;
  readonly fresh_share: number;
}

export const LATENCY_BENCH_DEFAULTS: LatencyBenchOptions = {
  assets: 10_000,
  ticksPerSecond: 2_000,
  measureMs: 60_000,
  pods: 3,
};

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const FEED = 'weir/bench';
const VENUES = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];
const WARM_UP_TIMEOUT_MS = 240_000;
/** Above the window of the event loops' delay. */
const SETTLE_MS = 20_000;
const LOOK_MS = 5_000;
/** A window whose p99 is above is told, with what may have been the cause. */
const TELLING_MS = 100;

const say = (text: string): void => console.error(text);

export async function benchLatency(options: LatencyBenchOptions): Promise<LatencyBenchResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-bench-'));
  const [valkeyServer, postgres] = await Promise.all([startEmbeddedValkey(), startEmbeddedPostgres()]);
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(valkeyServer.url), clientName: 'bench' });
  const stops: (() => Promise<void>)[] = [
    () => rm(folder, { recursive: true, force: true }),
    () => postgres.stop(),
    () => valkeyServer.stop(),
    () => valkey.close(),
  ];
  try {
    await valkey.ready();
    const assets = Array.from({ length: options.assets }, (_, index) => `A${index}`);
    const exchanges = await startExchangesServer({ venues: VENUES, assets, ticksPerSecond: options.ticksPerSecond });
    stops.push(() => exchanges.stop());
    await publishDocuments(
      valkey.bulk,
      'feeds',
      new Map([[FEED, JSON.stringify(documentOf(assets, exchanges.addresses))]]),
    );
    await publishDocuments(valkey.bulk, 'policies', new Map());
    const environment = { WEIR_VALKEY_URL: valkeyServer.url, WEIR_POSTGRES_URL: postgres.url, WEIR_LOG_LEVEL: 'warn' };
    const start = async (name: string, service: 'feed' | 'price'): Promise<ServerProcess> => {
      const file = await bundleProgram(ROOT, { name: service, entry: `services/${service}/src/main.ts` }, folder);
      const port = await freePort();
      const own = { ...environment, WEIR_FEED: FEED, WEIR_NODE_NAME: name, WEIR_HTTP_PORT: String(port) };
      const server = await startServer({ name, file, port, core: 'any', environment: own }, '/livez');
      stops.push(() => server.stop());
      return server;
    };
    const feed = await start('bench-feed', 'feed');
    const pods: ServerProcess[] = [];
    for (let number = 1; number <= options.pods; number += 1) pods.push(await start(`bench-price-${number}`, 'price'));
    const before = await awaitFresh(valkey, assets.length);
    say(`${before.assets.fresh} of ${before.assets.total} assets fresh, load average ${loadavg()[0]?.toFixed(2)}`);
    // The first look ends the window of the event loops' delay that the start lies in.
    await Promise.all([feed, ...pods].map(readMetrics));
    await sleep(systemClock, SETTLE_MS);
    return await measure({ valkey, feed, pods, exchanges, assets }, options);
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

function documentOf(
  assets: readonly string[],
  addresses: Readonly<Record<string, { readonly ws: string; readonly rest: string }>>,
): FeedDocument {
  return {
    feed: FEED,
    suspend: false,
    assets,
    quote: 'USD',
    sources: Object.entries(addresses).map(([exchange, { ws, rest }]) => ({
      name: exchange,
      exchange,
      url: ws,
      restUrl: rest,
    })),
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    fallback: { enabled: true },
  };
}

async function readStatus(valkey: Valkey): Promise<FeedStatus | undefined> {
  const text = await valkey.bulk.get(`feed:status:${FEED}`);
  // Written by the feed under test.
  return text === null ? undefined : (JSON.parse(text) as FeedStatus);
}

async function awaitFresh(valkey: Valkey, total: number): Promise<FeedStatus> {
  const endMs = systemClock.monotonicMs() + WARM_UP_TIMEOUT_MS;
  for (;;) {
    const status = await readStatus(valkey);
    if (status?.assets.fresh === total) return status;
    if (systemClock.monotonicMs() > endMs) throw new Error(`the feed does not become fresh: ${JSON.stringify(status)}`);
    await sleep(systemClock, 1_000);
  }
}

interface Running {
  readonly valkey: Valkey;
  readonly feed: ServerProcess;
  readonly pods: readonly ServerProcess[];
  readonly exchanges: ExchangesServer;
  readonly assets: readonly string[];
}

async function measure(running: Running, options: LatencyBenchOptions): Promise<LatencyBenchResult> {
  const { valkey, feed, pods, exchanges, assets } = running;
  const all = [feed, ...pods];
  const pagesBefore = await Promise.all(all.map(readMetrics));
  let podPagesBefore = pagesBefore.slice(1);
  const windowsMs: number[] = [];
  const cpuBefore = all.map((server) => server.cpuSeconds() ?? 0);
  const moves = timeMoves(valkey, exchanges, assets);
  const startMs = systemClock.monotonicMs();
  const rss: number[] = [];
  const podRss: number[] = [];
  const shares: number[] = [];
  const feedDelaysMs: number[] = [];
  let podDelayMs = 0;
  while (systemClock.monotonicMs() - startMs < options.measureMs) {
    await sleep(systemClock, LOOK_MS);
    const [feedPage = '', ...podPages] = await Promise.all(all.map(readMetrics));
    const windowMs = slowest(delaysOf(podPagesBefore, podPages), 0.99);
    windowsMs.push(windowMs);
    podPagesBefore = podPages;
    feedDelaysMs.push(loopDelayMs(feedPage));
    podDelayMs = Math.max(podDelayMs, ...podPages.map(loopDelayMs));
    rss.push(await residentMb(feed.pid));
    podRss.push(Math.max(...(await Promise.all(pods.map(({ pid }) => residentMb(pid))))));
    const status = await readStatus(valkey);
    shares.push(status === undefined ? 0 : status.assets.fresh / status.assets.total);
    const isFresh = status !== undefined && status.assets.fresh === status.assets.total;
    if (isFresh && windowMs <= TELLING_MS) continue;
    const seconds = ((systemClock.monotonicMs() - startMs) / 1_000).toFixed(0);
    const loops = [feedPage, ...podPages].map((page) => loopDelayMs(page).toFixed(0)).join(', ');
    say(`at ${seconds} s: p99 ${windowMs.toFixed(0)} ms; event loops p99 ${loops} ms; ${describe(status)}`);
  }
  const seconds = (systemClock.monotonicMs() - startMs) / 1_000;
  const pagesAfter = await Promise.all(all.map(readMetrics));
  const delays = delaysOf(pagesBefore.slice(1), pagesAfter.slice(1));
  const ticks = (page = ''): number => sumSamples(page, 'weir_feed_venue_events_total', { kind: 'ticker' });
  const events = (page = ''): number => sumSamples(page, 'weir_feed_venue_events_total', {});
  for (const [index, server] of all.entries()) {
    say(
      `${server.name}: ${Math.round((100 * ((server.cpuSeconds() ?? 0) - (cpuBefore[index] ?? 0))) / seconds)} % of a core`,
    );
  }
  say(
    `load average ${loadavg()[0]?.toFixed(2)}; updates seen by each pod: ${delays.map(({ count }) => count).join(', ')}`,
  );
  const times = moves.take().toSorted((a, b) => a - b);
  await moves.stop();
  return {
    bench: 'latency',
    assets: options.assets,
    p50_ms: round(slowest(delays, 0.5), 1),
    p99_ms: round(slowest(delays, 0.99), 1),
    window_p99_ms: round(median(windowsMs), 1),
    worst_window_p99_ms: round(Math.max(...windowsMs), 1),
    outside_p50_ms: round(percentile(times, 0.5), 1),
    outside_p99_ms: round(percentile(times, 0.99), 1),
    outside_moves: times.length,
    ticks_per_second: Math.round((ticks(pagesAfter[0]) - ticks(pagesBefore[0])) / seconds),
    venue_events_per_second: Math.round((events(pagesAfter[0]) - events(pagesBefore[0])) / seconds),
    event_loop_p99_ms: round(median(feedDelaysMs), 1),
    event_loop_worst_p99_ms: round(Math.max(...feedDelaysMs), 1),
    pod_event_loop_p99_ms: round(podDelayMs, 1),
    feed_rss_first_mb: firstAndLast(rss)[0],
    feed_rss_last_mb: firstAndLast(rss)[1],
    pod_rss_first_mb: firstAndLast(podRss)[0],
    pod_rss_last_mb: firstAndLast(podRss)[1],
    fresh_share: round(Math.min(...shares), 4),
  };
}

/** What the price servers counted between two looks at their metrics. */
function delaysOf(before: readonly string[], after: readonly string[]): Histogram[] {
  const read = (page = ''): Histogram => readHistogram(page, 'weir_price_update_delay');
  return after.map((page, index) => subtractHistogram(read(page), read(before[index])));
}

const slowest = (delays: readonly Histogram[], share: number): number =>
  Math.max(...delays.map((delay) => histogramQuantile(delay, share)));

function describe(status: FeedStatus | undefined): string {
  if (status === undefined) return 'the feed has no status';
  const sources = status.sources.map(({ name, state, reason }) => `${name} ${state} (${reason})`).join(', ');
  return `${status.assets.fresh} of ${status.assets.total} fresh at ${status.updatedAt}: ${sources}`;
}

/** Medians of samples of a minute each, or of a third where there are fewer. */
function firstAndLast(samples: readonly number[]): readonly [number, number] {
  const count = Math.max(1, Math.min(60_000 / LOOK_MS, Math.floor(samples.length / 3)));
  return [Math.round(median(samples.slice(0, count))), Math.round(median(samples.slice(-count)))];
}

const loopDelayMs = (page: string): number => 1_000 * sumSamples(page, 'nodejs_eventloop_delay_p99', {});

async function readMetrics({ port }: ServerProcess): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? Number.NaN) / 1_024;
}
