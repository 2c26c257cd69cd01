/** Limits over several pods, and when Valkey hangs. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { publishDocuments } from '@weir/valkey';
import { decodeClusterStats, type OnValkeyFailure } from '@weir/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Answer, type Harness, type Pod } from './harness.ts';

let harness: Harness;

const LIMIT = 100;
/** Less than one token in a run. */
const HARDLY_REFILLED = { requestsPerSecond: 0.001, burst: LIMIT };

beforeAll(async () => {
  harness = await startHarness();
  const failurePolicy = (onValkeyFailure: OnValkeyFailure) =>
    policyDocument({ policy: `weir/${onValkeyFailure.toLowerCase()}`, tier: onValkeyFailure, onValkeyFailure });
  await harness.publishFeeds(feedDocument());
  await harness.publishPolicies(
    policyDocument({ policy: 'weir/hundred', tier: 'hundred', limits: HARDLY_REFILLED }),
    failurePolicy('Allow'),
    failurePolicy('Deny'),
    failurePolicy('LocalLimit'),
  );
  await harness.putPrice();
}, 60_000);

afterAll(() => harness.stop());

/** So many requests over the pods in turn, so many at a time. */
async function load(pods: readonly Pod[], key: string, total: number, concurrency: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (sent < total) {
      const pod = pods[sent % pods.length];
      sent += 1;
      if (pod !== undefined) answers.push(await pod.get('/price?asset=BTC', key));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return answers;
}

describe('three pods on one Valkey', () => {
  let pods: readonly Pod[];
  beforeAll(async () => {
    pods = await Promise.all([harness.startPod(), harness.startPod(), harness.startPod()]);
  });
  afterAll(() => Promise.all(pods.map((pod) => pod.stop())));

  test('admit exactly the limit between them, 2,000 requests at 64 at a time', async () => {
    const key = await harness.putKey({ tier: 'hundred' });
    const answers = await load(pods, key, 2_000, 64);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(LIMIT);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2_000 - LIMIT);
  });

  test('tell each other that they live, and take themselves off the list when they stop', async () => {
    const nodes = (): Promise<unknown> => harness.valkey.bulk.call('ZRANGE', keyspace.clusterNodes.key(), 0, -1);
    const fourth = await harness.startPod({ node: 'price-fourth' });
    await waitFor(async () => String(await nodes()).includes('price:price-fourth'));
    const json = await harness.valkey.bulk.get(keyspace.clusterStats.key({ node: 'price-fourth' }));
    expect(JSON.parse(json ?? '')).toMatchObject({
      node: 'price-fourth',
      role: 'price',
      syncmap_hits: 0,
      udp_requests: 0,
    });
    await fourth.stop();
    expect(String(await nodes())).not.toContain('price-fourth');
  });

  test('tell at once which policies are in force, and not only when their turn comes', async () => {
    const reporting = await harness.startPod({ node: 'price-reporting' });
    const key = keyspace.clusterStats.key({ node: 'price-reporting' });
    const appliedSeq = async (): Promise<number | undefined> =>
      decodeClusterStats((await harness.valkey.bulk.get(key)) ?? '')?.applied_policies_seq;
    await waitFor(appliedSeq);
    // With the regular report just done the next one is 3 s away.
    await harness.valkey.bulk.call('DEL', key);
    await waitFor(appliedSeq);
    const changedMs = systemClock.monotonicMs();
    for (const burst of [1, 2, 3]) {
      const limits = { requestsPerSecond: 1, burst };
      const seq = await harness.publishPolicies(policyDocument({ policy: 'weir/told', tier: 'told', limits }));
      await waitFor(async () => (await appliedSeq()) === seq);
    }
    expect(systemClock.monotonicMs() - changedMs).toBeLessThan(2_000);
    await reporting.stop();
  });

  test('do not tell that a policy is in force which this version cannot read', async () => {
    const newer = policyDocument({ policy: 'weir/newer', tier: 'newer', limits: { requestsPerSecond: 5, burst: 5 } });
    const before = await harness.publishPolicies(newer);
    const pod = await harness.startPod({ node: 'price-older' });
    const appliedSeq = async (): Promise<number | undefined> => {
      const json = await harness.valkey.bulk.get(keyspace.clusterStats.key({ node: 'price-older' }));
      return decodeClusterStats(json ?? '')?.applied_policies_seq;
    };
    await waitFor(async () => (await appliedSeq()) === before);
    // As a later version may write it.
    const unreadable = JSON.stringify({ ...newer, mode: 'Observe' });
    await publishDocuments(harness.valkey.bulk, 'policies', new Map([['weir/newer', unreadable]]));
    const other = policyDocument({ policy: 'weir/other', tier: 'other', limits: { requestsPerSecond: 1, burst: 1 } });
    await harness.publishPolicies(other);
    // The other one is in force, so all that was published has been taken.
    const key = await harness.putKey({ tier: 'other' });
    await waitFor(async () => (await pod.get('/price?asset=BTC', key)).status === 429);
    expect((await pod.get('/price?asset=BTC', await harness.putKey({ tier: 'newer' }))).status).toBe(200);
    await harness.valkey.bulk.call('DEL', keyspace.clusterStats.key({ node: 'price-older' }));
    expect(await waitFor(appliedSeq)).toBe(before);
    const mended = await harness.publishPolicies(newer);
    await waitFor(async () => (await appliedSeq()) === mended);
    await pod.stop();
  });
});

describe('a hung Valkey', () => {
  test('costs one time-out, then the policy decides at once; it needs no restart afterwards', async () => {
    const pod = await harness.startPod({ decideMs: 50 });
    const keys = {
      Allow: await harness.putKey({ tier: 'Allow' }),
      Deny: await harness.putKey({ tier: 'Deny' }),
      LocalLimit: await harness.putKey({ tier: 'LocalLimit' }),
    };
    const ask = (tier: keyof typeof keys): Promise<Answer> => pod.get('/price?asset=BTC', keys[tier]);
    for (const tier of ['Allow', 'Deny', 'LocalLimit'] as const) expect((await ask(tier)).status).toBe(200);
    harness.server.hang();
    try {
      await waitFor(async () => {
        const { status } = await ask('Deny');
        const { redis } = (await pod.get('/health')).body;
        return status === 503 && JSON.stringify(redis).includes('"connected":false');
      });
      const denied = await ask('Deny');
      expect(denied.body).toMatchObject({
        code: 'LIMITER_UNAVAILABLE',
        type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      });
      expect(denied.headers.get('retry-after')).toBe(String(denied.body['retry_after_seconds']));
      expect(denied.headers.get('ratelimit')).toBeNull();
      const startedMs = systemClock.monotonicMs();
      for (let call = 0; call < 50; call += 1) expect((await ask('Allow')).status).toBe(200);
      const local = await load([pod], keys.LocalLimit, 60, 4);
      // Far below what one 50 ms deadline per call would come to, on however slow a machine.
      expect(systemClock.monotonicMs() - startedMs).toBeLessThan(110 * 50);
      const admitted = local.filter(({ status }) => status === 200).length;
      expect(admitted).toBeGreaterThanOrEqual(1);
      const refused = local.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(60 - admitted);
      expect(refused.at(-1)?.headers.get('ratelimit')).toMatch(/^"bucket";r=0;t=[1-9]/);
      expect((await pod.get('/health')).body['status']).toBe('degraded');
      expect((await pod.get('/readyz')).body).toEqual({ status: 'ready', detail: 'Valkey does not answer' });
    } finally {
      harness.server.resume();
    }
    await waitFor(async () => (await ask('Deny')).status === 200);
    await pod.stop();
  });
});
