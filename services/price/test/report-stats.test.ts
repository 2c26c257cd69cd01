import { keyspace } from '@weir/keyspace';
import { createFakeClock, createTestTelemetry, silentLogger, waitFor, type FakeClock } from '@weir/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPriceMetrics, type PriceMetrics } from '../src/metrics.ts';
import { reportStats, type StatsReporter } from '../src/report-stats.ts';
import { startHarness, type Harness } from './harness.ts';

let harness: Harness;
let clock: FakeClock;
let metrics: PriceMetrics;

beforeAll(async () => {
  harness = await startHarness();
}, 60_000);

afterAll(() => harness.stop());

beforeEach(async () => {
  clock = createFakeClock();
  metrics = createPriceMetrics(createTestTelemetry());
  await harness.valkey.bulk.call('FLUSHALL');
});

const NODES = keyspace.clusterNodes.key();

function report(node: string): StatsReporter {
  const { valkey } = harness;
  return reportStats({ node, valkey, clock, logger: silentLogger, metrics, appliedPoliciesSeq: () => 42 });
}

const statsOf = async (node: string): Promise<Readonly<Record<string, unknown>>> => {
  const json = await harness.valkey.bulk.get(keyspace.clusterStats.key({ node }));
  // A test reads the members it expects and fails on others.
  return JSON.parse(json ?? '{}') as Readonly<Record<string, unknown>>;
};

test('says every 3 s what it did, under the names that others read', async () => {
  const reporter = report('price-a');
  await waitFor(async () => (await statsOf('price-a'))['start_id']);
  metrics.answered.add(6);
  metrics.refused4xx.add(2);
  metrics.rateLimited.add();
  metrics.refused5xx.add();
  metrics.syncmapHits.add(5);
  metrics.elasticacheHits.add(4);
  metrics.cacheMisses.add(3);
  await clock.advance(3_000);
  const stats = await waitFor(async () => {
    const read = await statsOf('price-a');
    return read['tcp_requests'] === 9 && read;
  });
  expect(stats).toMatchObject({
    node: 'price-a',
    role: 'price',
    applied_policies_seq: 42,
    uptime_seconds: 3,
    total_rps: 3,
    errors_4xx: 2,
    errors_5xx: 1,
    rate_limit_hits: 1,
    syncmap_hits: 5,
    elasticache_hits: 4,
    cache_misses: 3,
  });
  expect(
    Number(await harness.valkey.bulk.call('TTL', keyspace.clusterStats.key({ node: 'price-a' }))),
  ).toBeLessThanOrEqual(30);
  await reporter.close();
});

test('counts those who decide, and whose heartbeat is no older than 10 s', async () => {
  const nowMs = Math.round(harness.valkey.serverTimeMs());
  await harness.valkey.bulk.call('ZADD', NODES, nowMs, 'limiter:l-0', nowMs, 'feed:f-0', nowMs, 'nonsense');
  await harness.valkey.bulk.call('ZADD', NODES, nowMs - 12_000, 'price:gone', nowMs - 60_000, 'price:long-gone');
  const reporter = report('price-a');
  await waitFor(() => reporter.livePods() === 2);
  expect(String(await harness.valkey.bulk.call('ZRANGE', NODES, 0, -1))).not.toContain('price:long-gone');
  await reporter.close();
});

test('keeps the last number known while Valkey is away, and takes itself off the list at the end', async () => {
  const [first, second] = [report('price-a'), report('price-b')];
  await waitFor(() => second.livePods() === 2 || clock.advance(3_000).then(() => false));
  await waitFor(() => first.livePods() === 2 || clock.advance(3_000).then(() => false));
  harness.server.hang();
  try {
    await clock.advance(3_000);
    expect(first.livePods()).toBe(2);
  } finally {
    harness.server.resume();
  }
  await second.close();
  await waitFor(() => first.livePods() === 1 || clock.advance(3_000).then(() => false));
  await first.close();
  expect(await harness.valkey.bulk.call('ZCARD', NODES)).toBe(0);
});

test('is never fewer than one', async () => {
  harness.server.hang();
  const reporter = report('price-a');
  expect(reporter.livePods()).toBe(1);
  harness.server.resume();
  await reporter.close();
});
