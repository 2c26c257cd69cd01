/**
 * A venue that fails over HTTP, half of the time and always: three price servers on one Valkey spare it together, answer
 * their callers at once meanwhile, and are back soon after it is.
 */
import { sleep, systemClock } from '@weir/clock';
import { demoPair, startExchanges, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';

/** Callers want more of them than the venue is asked for, so that something is always there to be fetched or shed. */
const ASSETS = Array.from({ length: 400 }, (_, index) => `A${index}`);
const CALLERS = 60;
const QUOTA_KEY = keyspace.providerQuota.key({ provider: 'coinbase' });

let harness: Harness;
let exchanges: Exchanges;
let pods: Pod[];
let key: string;
let stopCallers: (() => Promise<void>) | undefined;

beforeAll(async () => {
  exchanges = await startExchanges({
    venues: ['coinbase'],
    pairs: ASSETS.map((asset) => demoPair(asset, 'USD')),
    ticksPerSecond: 0,
  });
  harness = await startHarness();
  const { ws: url = '', rest: restUrl = '' } = exchanges.addresses['coinbase'] ?? {};
  const quota = { points: 100_000, durationMs: 1_000, window: 'Smooth' as const };
  const source = { name: 'coinbase', exchange: 'coinbase', url, restUrl, quota };
  await harness.publishFeeds(feedDocument({ assets: [], sources: [source], fallback: { enabled: true } }));
  const access = { protocols: ['http' as const], allowStale: true, onDemandAssets: true };
  await harness.publishPolicies(policyDocument({ limits: { requestsPerSecond: 100_000, burst: 100_000 }, access }));
  pods = [await harness.startPod(), await harness.startPod(), await harness.startPod()];
  key = await harness.putKey();
}, 60_000);
afterAll(async () => {
  await stopCallers?.();
  await harness.stop();
  await exchanges.stop();
});

interface Sample {
  readonly atMs: number;
  readonly shed: number;
}

const statuses = new Map<number, number>();
let slowestMs = 0;

/** Callers that each ask for one asset after another, until told to stop. */
function startCallers(): () => Promise<void> {
  const over = new AbortController();
  const call = async (caller: number): Promise<void> => {
    for (let turn = caller; !over.signal.aborted; turn += CALLERS) {
      const sentMs = systemClock.monotonicMs();
      const pod = pods[caller % pods.length];
      const answer = await pod?.get(`/price?asset=${ASSETS[turn % ASSETS.length]}`, key);
      const tookMs = systemClock.monotonicMs() - sentMs;
      slowestMs = Math.max(slowestMs, tookMs);
      statuses.set(answer?.status ?? 0, (statuses.get(answer?.status ?? 0) ?? 0) + 1);
      // The pace of one caller.
      await sleep(systemClock, 100);
    }
  };
  const calls = Array.from({ length: CALLERS }, (_, caller) => call(caller));
  return async () => {
    over.abort();
    await Promise.all(calls);
  };
}

interface Upstream {
  readonly scope: string;
  readonly shed_probability: number;
  readonly throttled: boolean;
  readonly basis: string;
}

async function upstream(): Promise<Upstream | undefined> {
  const { body } = await (pods[1] as Pod).get('/v1/governor');
  return (body['upstreams'] as readonly Upstream[]).find(({ scope }) => scope === 'lpo:coinbase');
}

/** What is shed, until `isDone` of it or the time is up. */
async function watch(forMs: number, isDone: (shed: number) => boolean = () => false): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const fromMs = systemClock.monotonicMs();
  await waitFor(async () => {
    const shed = (await upstream())?.shed_probability ?? 0;
    const atMs = systemClock.monotonicMs() - fromMs;
    samples.push({ atMs, shed });
    return isDone(shed) || atMs > forMs;
  }, forMs + 30_000);
  return samples;
}

/** Times that it went down by more than `swing` and up again by as much. */
function countCycles(samples: readonly Sample[], swing: number): number {
  let [cycles, isFalling, extreme] = [0, false, samples[0]?.shed ?? 0];
  for (const { shed } of samples) {
    if (isFalling ? shed < extreme : shed > extreme) extreme = shed;
    else if (Math.abs(shed - extreme) > swing) {
      if (isFalling) cycles += 1;
      [isFalling, extreme] = [!isFalling, shed];
    }
  }
  return cycles;
}

test('a venue that fails is shed by all servers alike without swinging, and asked again within 15 s of its return', async () => {
  stopCallers = startCallers();
  const venue = exchanges.venue('coinbase');
  await waitFor(() => venue.restCount > 100, 20_000);
  expect((await upstream())?.shed_probability).toBe(0);

  venue.fault({ restErrorShare: 0.5 });
  const half = await watch(6_000);
  expect(half.some(({ shed }) => shed > 0.4)).toBe(true);
  venue.fault({ restErrorShare: 1 });
  const whole = await watch(20_000, (shed) => shed >= 0.94);
  expect(whole.at(-1)?.shed).toBeGreaterThan(0.9);
  expect(await upstream()).toMatchObject({ throttled: true, basis: 'cluster' });
  const [asked, calls] = [venue.restCount, countCalls()];
  const held = await watch(4_000);
  // A twentieth passes, and a probe a second of the cluster; each fetch asks once for all who wait.
  expect(venue.restCount - asked).toBeLessThan(0.3 * (countCalls() - calls));
  expect(Math.min(...held.map(({ shed }) => shed))).toBeGreaterThan(0.8);

  venue.fault({ restErrorShare: 0 });
  const back = await watch(40_000, (shed) => shed === 0);
  expect(back.at(-1)?.shed).toBe(0);
  console.log(
    JSON.stringify({
      half: half.filter((_, i) => i % 20 === 0),
      whole: whole.filter((_, i) => i % 20 === 0),
      held: held.filter((_, i) => i % 20 === 0),
      back: back.filter((_, i) => i % 20 === 0),
      n: [half.length, whole.length, held.length, back.length],
      statuses: [...statuses],
      slowestMs,
      asked: venue.restCount - asked,
      calls: countCalls() - calls,
    }),
  );
  expect(back.at(-1)?.atMs).toBeLessThan(15_000);
  expect(countCycles([...half, ...whole, ...held, ...back], 0.4)).toBeLessThanOrEqual(2);
  await stopCallers();
  // Nobody has waited for much longer than a fetch may take.
  expect(slowestMs).toBeLessThan(10_000);
  expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([200, 503]);
  expect((await (pods[0] as Pod).get('/price?asset=A1', key)).status).toBe(200);
}, 150_000);

const countCalls = (): number => [...statuses.values()].reduce((sum, count) => sum + count, 0);

test('a venue that says "too many" is left alone by all servers for as long as it asks', async () => {
  const venue = exchanges.venue('coinbase');
  venue.fault({ restThrottleS: 4 });
  const before = venue.restCount;
  await waitFor(async () => {
    await (pods[0] as Pod).get('/price?asset=A0', key);
    return venue.restCount > before;
  }, 20_000);
  const saidMs = systemClock.monotonicMs();
  venue.fault({ restThrottleS: undefined });
  await waitFor(async () => Number(await harness.valkey.bulk.call('HEXISTS', QUOTA_KEY, 'blocked_until')) === 1);
  const blockedCount = venue.restCount;
  let asked = 0;
  await waitFor(async () => {
    const count = venue.restCount;
    // Meanwhile everybody has an answer at once: the price as it is.
    await Promise.all(pods.map((pod, index) => pod.get(`/price?asset=A${(asked + index) % ASSETS.length}`, key)));
    asked += pods.length;
    return count > blockedCount;
  }, 30_000);
  expect(asked).toBeGreaterThan(10);
  expect(systemClock.monotonicMs() - saidMs).toBeGreaterThan(3_800);
}, 90_000);
