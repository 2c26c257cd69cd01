/** Limits from outside, over three price pods: what is admitted is exact whichever pod is asked, and refusals say when. */
import { keyspace } from '@weir/keyspace';
import { decodeClusterStats } from '@weir/wire';
import { systemClock } from '@weir/clock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './harness/eventually.ts';
import { apply, remove } from './harness/kubectl.ts';
import { DECIDERS, isReady, podsOf } from './harness/pods.ts';
import { ask, type Answer } from './harness/price-client.ts';
import { keySecretOf, policyWithKey, whenTrue } from './harness/resources.ts';
import { secretText, valkey } from './harness/valkey.ts';

const name = 'e2e-limits';
const BURST = 12;
const RATE = 3;
const CALLERS = 6;
const path = '/price?asset=BTC';

let key: string;

beforeAll(async () => {
  await apply(policyWithKey({ name }, { requestsPerSecond: RATE, burst: BURST }));
  await whenTrue('akp', { name });
  key = await secretText(keySecretOf(name), 'key');
});

afterAll(() => remove('akp', name));

interface Timed {
  readonly answer: Answer;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Asks as fast as it goes; every question takes a connection of its own, which Kubernetes gives to any pod. */
async function hammer(forMs: number): Promise<readonly Timed[]> {
  const endMs = systemClock.monotonicMs() + forMs;
  const all: Timed[] = [];
  const caller = async (): Promise<void> => {
    while (systemClock.monotonicMs() < endMs) {
      const sentMs = systemClock.monotonicMs();
      const answer = await ask({ path, key });
      all.push({ answer, sentMs, answeredMs: systemClock.monotonicMs() });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return all;
}

/** Requests that each price pod has answered since it started. */
async function countsByPod(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { metadata } of await podsOf(DECIDERS)) {
    const stats = decodeClusterStats(await valkey('GET', keyspace.clusterStats.key({ node: metadata.name })));
    if (stats === undefined) throw new Error(`${metadata.name} has said nothing of itself`);
    counts.set(metadata.name, stats.tcp_requests);
  }
  return counts;
}

describe('a key of three price pods', () => {
  it('reads in its first answer that one call is gone of a full bucket', async () => {
    const { status, headers } = await ask({ path, key });
    expect(status).toBe(200);
    expect(headers['ratelimit-policy']).toBe(`"bucket";q=${BURST};w=${BURST / RATE}`);
    expect(headers['ratelimit']).toMatch(new RegExp(`^"bucket";r=${BURST - 1};t=1$`));
    expect(headers['retry-after']).toBeUndefined();
  });

  it('is admitted burst + rate × time, neither more nor less', async () => {
    expect((await podsOf(DECIDERS)).filter(isReady)).toHaveLength(3);
    const before = await countsByPod();
    const all = await hammer(6_000);
    const admitted = all.filter(({ answer }) => answer.status === 200);
    expect(new Set(all.map(({ answer }) => answer.status))).toEqual(new Set([200, 429]));
    // The bucket saw its first and its last call somewhere within these.
    const longestMs = Math.max(...all.map((one) => one.answeredMs)) - Math.min(...all.map((one) => one.sentMs));
    const shortestMs = Math.max(...all.map((one) => one.sentMs)) - Math.min(...all.map((one) => one.answeredMs));
    const atMost = Math.floor(BURST + (RATE * longestMs) / 1_000);
    const atLeast = Math.floor(BURST + (RATE * shortestMs) / 1_000) - 1;
    console.log(
      `${all.length} asked in ${longestMs.toFixed(0)} ms, ${admitted.length} admitted (${atLeast} to ${atMost})`,
    );
    expect(admitted.length).toBeLessThanOrEqual(atMost);
    expect(admitted.length).toBeGreaterThanOrEqual(atLeast);
    await eventually(async () => {
      const after = await countsByPod();
      const shares = [...after].map(([pod, count]) => count - (before.get(pod) ?? 0));
      expect(shares.every((share) => share > 0)).toBe(true);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThanOrEqual(all.length);
    }, 15_000);
  });

  it('is told by every refusal which limit it was and when to come again, and is admitted then', async () => {
    const all = await hammer(1_500);
    const refused = all.filter(({ answer }) => answer.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { answer } of refused) {
      const { headers, body } = answer;
      const seconds = Number(headers['retry-after']);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(headers['ratelimit-policy']).toBe(`"bucket";q=${BURST};w=${BURST / RATE}`);
      expect(headers['ratelimit']).toBe(`"bucket";r=0;t=${seconds}`);
      expect(headers['content-type']).toContain('application/problem+json');
      expect(body).toMatchObject({
        status: 429,
        code: 'RATE_LIMITED',
        'violated-policies': ['bucket'],
        limit: 'bucket',
        quota: BURST,
        remaining: 0,
        retry_after_seconds: seconds,
      });
    }
    const last = refused.at(-1);
    const dueMs = (last?.sentMs ?? 0) + Number(last?.answer.headers['retry-after']) * 1_000;
    // A refusal changes nothing, so asking again and again delays nothing.
    await eventually(async () => expect((await ask({ path, key })).status).toBe(200), 10_000);
    expect(systemClock.monotonicMs()).toBeLessThan(dueMs + 1_000);
  });
});
