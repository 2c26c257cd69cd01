/** What active feeds say in a real Valkey reaches the status, and only when it is news. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Store } from '../../src/kube/store.ts';
import { createReportPoller, type ReportPoller } from '../../src/price-feed/poll-feed-reports.ts';
import type { PriceFeed } from '../../src/price-feed/price-feed.ts';
import { sampleFeed } from './sample-feed.ts';

let server: TestValkey;
let valkey: Valkey;
let end: (() => void) | undefined;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: { decideMs: 5_000, bulkMs: 5_000 },
  });
  await valkey.ready();
});

afterAll(async () => {
  await valkey.close();
  await server.stop();
});

beforeEach(() => valkey.bulk.call('FLUSHALL'));
afterEach(() => end?.());

function start(feeds: readonly PriceFeed[]): { poller: ReportPoller; changed: string[]; fence: { isLeader: boolean } } {
  const store = new Store<PriceFeed>({ clock: systemClock, logger: silentLogger, scopes: [''] });
  store.replace('', feeds);
  const fence = { isLeader: true, check: () => undefined };
  const shared = { client: valkey.bulk, clock: systemClock, logger: silentLogger };
  const poller = createReportPoller({ ...shared, feeds: store, fence });
  const changed: string[] = [];
  end = poller.start((key) => changed.push(key));
  return { poller, changed, fence };
}

const report = (name: string, text: string): Promise<unknown> =>
  valkey.bulk.call('SET', keyspace.feedStatus.key({ namespace: 'weir', name }), text);

const textOf = (second: number, active = 'pod-1'): string =>
  JSON.stringify({
    feed: 'weir/majors',
    active,
    lease: 'l',
    appliedSeq: 7,
    assets: { total: 2, fresh: 2 },
    sources: [],
    updatedAt: `2026-01-01T00:00:0${second}Z`,
  });

/** By the server's own count, so that a reading which told nothing is seen too. */
async function countReads(): Promise<number> {
  const statistics = String(await valkey.bulk.call('INFO', 'commandstats'));
  return Number(/cmdstat_get:calls=(\d+)/.exec(statistics)?.[1] ?? 0);
}

test('a report is known within seconds, and a repeated one is no news', async () => {
  await report('majors', textOf(1));
  const { poller, changed } = start([sampleFeed()]);
  expect(poller.hasRead).toBe(false);
  await waitFor(() => poller.hasRead);
  expect(poller.reportOf('weir/majors')).toMatchObject({ freshness: 'fresh', active: 'pod-1', total: 2, fresh: 2 });
  expect(poller.appliedSeqOf('weir/majors')).toBe(7);
  await report('majors', textOf(2));
  const reads = await countReads();
  await waitFor(async () => (await countReads()) > reads);
  expect(changed).toEqual(['weir/majors']);
  await report('majors', textOf(3, 'pod-2'));
  await waitFor(() => poller.reportOf('weir/majors')?.active === 'pod-2');
  expect(changed).toEqual(['weir/majors', 'weir/majors']);
});

test('what is no report counts as silence', async () => {
  await report('majors', '{"active":1}');
  const { poller } = start([sampleFeed()]);
  await waitFor(() => poller.hasRead);
  expect(poller.reportOf('weir/majors')).toMatchObject({ freshness: 'awaiting', active: undefined });
});

test('nothing is asked for feeds that do not run', async () => {
  const feeds = [sampleFeed({ name: 'a', spec: { suspend: true } }), sampleFeed({ name: 'b', spec: { replicas: 0 } })];
  const before = await countReads();
  const { poller } = start(feeds);
  await waitFor(() => poller.hasRead);
  expect(await countReads()).toBe(before);
});

test('who does not lead reads nothing until it does', async () => {
  await report('majors', textOf(1));
  const { poller, fence } = start([sampleFeed()]);
  fence.isLeader = false;
  const startedMs = systemClock.monotonicMs();
  await waitFor(() => systemClock.monotonicMs() - startedMs > 1_200);
  expect(poller.hasRead).toBe(false);
  fence.isLeader = true;
  await waitFor(() => poller.hasRead);
});
