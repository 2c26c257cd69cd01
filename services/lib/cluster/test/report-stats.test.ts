import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestValkey,
  waitFor,
  type FakeClock,
  type TestValkey,
} from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { decodeClusterStats, type ClusterStats } from '@weir/wire';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { reportStats, type StatsReporter, type StatsReporterOptions } from '../index.ts';

let server: TestValkey;
let valkey: Valkey;
let clock: FakeClock;

beforeAll(async () => {
  server = await startTestValkey();
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  valkey = createValkey({ ...shared, target: parseValkeyUrl(server.url), clientName: 'test' });
  await valkey.ready();
});

afterAll(async () => {
  await valkey.close();
  await server.stop();
});

beforeEach(async () => {
  clock = createFakeClock();
  await valkey.bulk.call('FLUSHALL');
});

const NODES = keyspace.clusterNodes.key();

function report(node: string, options: Partial<StatsReporterOptions> = {}): StatsReporter {
  return reportStats({ node, role: 'price', valkey, clock, logger: silentLogger, ...options });
}

const statsOf = async (node: string): Promise<ClusterStats | undefined> =>
  decodeClusterStats((await valkey.bulk.get(keyspace.clusterStats.key({ node }))) ?? '');

test('says every 3 s what it did, under the names that others read', async () => {
  const counted = { tcp_requests: 0, udp_requests: 0, errors_4xx: 0 };
  const reporter = report('price-a', { counters: () => counted, appliedPoliciesSeq: () => 42 });
  await waitFor(() => statsOf('price-a'));
  Object.assign(counted, { tcp_requests: 9, udp_requests: 3, errors_4xx: 2 });
  await clock.advance(3_000);
  const stats = await waitFor(async () => {
    const read = await statsOf('price-a');
    return read?.tcp_requests === 9 && read;
  });
  expect(stats).toEqual({
    node: 'price-a',
    role: 'price',
    start_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    applied_policies_seq: 42,
    uptime_seconds: 3,
    total_rps: 4,
    tcp_requests: 9,
    udp_requests: 3,
    lrs_requests: 0,
    syncmap_hits: 0,
    elasticache_hits: 0,
    cache_misses: 0,
    errors_5xx: 0,
    errors_4xx: 2,
    rate_limit_hits: 0,
    bg_work_dropped: 0,
  });
  const ttlSeconds = Number(await valkey.bulk.call('TTL', keyspace.clusterStats.key({ node: 'price-a' })));
  expect(ttlSeconds).toBeGreaterThan(25);
  expect(ttlSeconds).toBeLessThanOrEqual(30);
  await reporter.close();
});

test('a role that uses no policies claims no number of them, and counts no deciders by itself', async () => {
  const reporter = report('majors-0', { role: 'feed' });
  expect(await waitFor(() => statsOf('majors-0'))).not.toHaveProperty('applied_policies_seq');
  expect(await valkey.bulk.call('ZRANGE', NODES, 0, -1)).toEqual(['feed:majors-0']);
  expect(reporter.livePods()).toBe(1);
  await reporter.close();
});

test('counts those who decide and those who call upstreams, whose heartbeat is no older than 10 s', async () => {
  const nowMs = Math.round(valkey.serverTimeMs());
  await valkey.bulk.call('ZADD', NODES, nowMs, 'limiter:l-0', nowMs, 'feed:f-0', nowMs, 'nonsense');
  await valkey.bulk.call('ZADD', NODES, nowMs - 12_000, 'price:gone', nowMs - 60_000, 'price:long-gone');
  const reporter = report('price-a');
  await waitFor(() => reporter.livePods() === 2);
  expect(reporter.liveCallers()).toBe(3);
  expect(String(await valkey.bulk.call('ZRANGE', NODES, 0, -1))).not.toContain('price:long-gone');
  await reporter.close();
});

test('keeps the last number known while Valkey is away, and takes itself off the list at the end', async () => {
  const [first, second] = [report('price-a'), report('price-b')];
  await waitFor(() => second.livePods() === 2 || clock.advance(3_000).then(() => false));
  await waitFor(() => first.livePods() === 2 || clock.advance(3_000).then(() => false));
  server.hang();
  try {
    await clock.advance(3_000);
    expect(first.livePods()).toBe(2);
  } finally {
    server.resume();
  }
  await second.close();
  await waitFor(() => first.livePods() === 1 || clock.advance(3_000).then(() => false));
  await first.close();
  expect(await valkey.bulk.call('ZCARD', NODES)).toBe(0);
});

test('is never fewer than one', async () => {
  server.hang();
  const reporter = report('price-a');
  expect(reporter.livePods()).toBe(1);
  server.resume();
  await reporter.close();
});

test('what is asked for at once is there without a turn of the timer, and a rate is no matter of 100 ms', async () => {
  let seq = 1;
  let requests = 0;
  const reporter = report('price-a', {
    appliedPoliciesSeq: () => seq,
    counters: () => ({ tcp_requests: requests }),
  });
  await waitFor(async () => (await statsOf('price-a'))?.applied_policies_seq === 1);
  seq = 2;
  requests = 50;
  reporter.reportNow();
  await clock.advance(100);
  const stats = await waitFor(async () => {
    const read = await statsOf('price-a');
    return read?.applied_policies_seq === 2 && read;
  });
  expect(stats).toMatchObject({ uptime_seconds: 0, total_rps: 0 });
  await reporter.close();
  expect(clock.pendingTimers).toBe(0);
});

/** A Valkey whose answers wait for the test. */
function createSlowValkey(): { valkey: StatsReporterOptions['valkey']; seqs: number[]; answer: () => Promise<void> } {
  const seqs: number[] = [];
  let waiting: (() => void)[] = [];
  const call = (command: string, ...args: readonly unknown[]): Promise<unknown> => {
    if (command === 'SET') seqs.push(decodeClusterStats(String(args[1]))?.applied_policies_seq ?? -1);
    return new Promise((resolve) => waiting.push(() => resolve([])));
  };
  return {
    // The reporter uses `call` alone.
    valkey: { bulk: { call } as Valkey['bulk'], serverTimeMs: () => clock.nowMs() },
    seqs,
    async answer() {
      const answered = waiting;
      waiting = [];
      for (const resolve of answered) resolve();
      await clock.advance(0);
    },
  };
}

test('a thousand calls in a row become one report with the last state, at most ten reports a second', async () => {
  const slow = createSlowValkey();
  let seq = 0;
  const reporter = report('price-a', { valkey: slow.valkey, appliedPoliciesSeq: () => seq });
  const change = (): void => {
    seq += 1;
    reporter.reportNow();
  };
  for (let count = 0; count < 1_000; count += 1) change();
  expect(slow.seqs).toEqual([0]);
  await slow.answer();
  expect(slow.seqs).toEqual([0]);
  await clock.advance(99);
  expect(slow.seqs).toEqual([0]);
  await clock.advance(1);
  expect(slow.seqs).toEqual([0, 1_000]);
  await slow.answer();
  for (let ms = 0; ms < 1_000; ms += 10) {
    change();
    await clock.advance(10);
    await slow.answer();
  }
  expect(slow.seqs.length).toBeLessThanOrEqual(12);
  await clock.advance(100);
  expect(slow.seqs.at(-1)).toBe(seq);
  await slow.answer();
  // After a pause the first call goes out as it is made.
  await clock.advance(500);
  change();
  expect(slow.seqs.at(-1)).toBe(seq);
  await slow.answer();
  const closed = reporter.close();
  await clock.advance(0);
  await slow.answer();
  await closed;
  reporter.reportNow();
  expect(slow.seqs.at(-1)).toBe(seq);
  expect(clock.pendingTimers).toBe(0);
});

test('while Valkey hangs nothing piles up', async () => {
  const slow = createSlowValkey();
  const reporter = report('price-a', { valkey: slow.valkey, appliedPoliciesSeq: () => 7 });
  for (let count = 0; count < 10; count += 1) {
    reporter.reportNow();
    await clock.advance(3_000);
  }
  expect(slow.seqs).toEqual([7]);
  const closed = reporter.close();
  await slow.answer();
  await slow.answer();
  await closed;
});
