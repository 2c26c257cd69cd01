import type { Decision } from '@weir/limiter';
import { createTestTelemetry } from '@weir/testing';
import { expect, test } from 'vitest';
import { policyDocument } from '../test/samples.ts';
import { createJudge } from './authorize.ts';
import { createPriceMetrics } from './metrics.ts';
import { createPolicyDirectory } from './policy-directory.ts';
import { StreamMinutes, type Unpaid } from './stream-minutes.ts';

const NAMES = { id: 'k', userId: '', projectId: 'p1', teamId: '', name: 'test', tier: 'pro', policy: '' };
const KEY = { ...NAMES, currentUsage: 0, revoked: false, lrsEnabled: true, createdAtMs: 0, version: 1 };
const PAIRS = 20;
const RATE = 10;
const ROUND_MS = 100;

const ADMITTED: Decision = { admitted: true, limit: undefined, remaining: 0, resetMs: 0, basis: 'valkey' };
const FULL = { admitted: false, remaining: 0, retryAfterMs: 100 } as const;
const BY_BUCKET: Decision = { ...FULL, limit: 'bucket', basis: 'valkey' };
const BY_SHARE: Decision = { ...FULL, limit: 'bucket', basis: 'fallback' };
const UNAVAILABLE = { ...FULL, limit: 'unavailable', basis: 'fallback' } as const;

/** A stream of twenty pairs; `run` plays rounds until a time or its end, whichever is first. */
function start(decide: (cost: number) => Decision) {
  const metrics = createPriceMetrics(createTestTelemetry());
  const policies = createPolicyDirectory('sse');
  policies.replace(new Map([['weir/pro', policyDocument({ limits: { requestsPerSecond: RATE, burst: PAIRS } })]]));
  const judge = createJudge({ policies, metrics, serverTimeMs: () => 0 });
  const limiter = { decide: ({ cost }: { readonly cost: number }) => decide(cost) };
  const parts = { limiter, metrics, serverTimeMs: () => 0, authorizeHash: () => judge(KEY) };
  const minutes = new StreamMinutes(parts, 'ab', PAIRS, 0);
  let nowMs = 0;
  const run = async (
    untilMs: number,
    each = (): void => {},
  ): Promise<(Unpaid & { readonly atMs: number }) | undefined> => {
    while (nowMs < untilMs) {
      nowMs += ROUND_MS;
      each();
      const unpaid = await minutes.pay(nowMs);
      if (unpaid !== undefined) return { ...unpaid, atMs: nowMs };
    }
    return undefined;
  };
  return { run };
}

test('a stream whose minute costs the whole burst goes on for an hour beside eight calls a second of its key', async () => {
  let tokens = 0;
  let paid = 0;
  let refusedCalls = 0;
  const { run } = start((cost) => {
    if (tokens < cost) return BY_BUCKET;
    tokens -= cost;
    paid += cost;
    return ADMITTED;
  });
  let round = 0;
  const ended = await run(3_600_000 + 30_000, () => {
    round += 1;
    // Another server has one on lease: the bucket is never full.
    tokens = Math.min(PAIRS - 1, tokens + (RATE * ROUND_MS) / 1_000);
    if (round % 5 === 0) return;
    if (tokens >= 1) tokens -= 1;
    else refusedCalls += 1;
  });
  expect([ended, paid]).toEqual([undefined, 60 * PAIRS]);
  expect(refusedCalls).toBeLessThan(30_000 * 0.02);
});

test('a minute that the bucket does not pay in half a minute ends the stream, with the time that another one takes', async () => {
  const { run } = start(() => BY_BUCKET);
  const ended = await run(120_000);
  expect(ended).toMatchObject({ atMs: 90_000, problem: { code: 'RATE_LIMITED' }, retryMs: (PAIRS / RATE) * 1_000 });
});

test('while Valkey is away a local share that is used up ends no stream, and what was owed meanwhile is not asked for', async () => {
  let paid = 0;
  let isAway = true;
  const { run } = start((cost) => {
    if (isAway) return BY_SHARE;
    paid += cost;
    return ADMITTED;
  });
  expect(await run(600_000)).toBeUndefined();
  isAway = false;
  expect(await run(660_000 + ROUND_MS)).toBeUndefined();
  // The minute that was under way when Valkey came back, and the next one.
  expect(paid).toBe(2 * PAIRS);
});

test('where the policy denies calls while Valkey is away, a stream stays for half a minute', async () => {
  let decision: Decision = UNAVAILABLE;
  const { run } = start(() => decision);
  expect(await run(85_000)).toBeUndefined();
  decision = ADMITTED;
  expect(await run(115_000)).toBeUndefined();
  decision = UNAVAILABLE;
  expect(await run(200_000)).toMatchObject({ atMs: 150_000, problem: { code: 'LIMITER_UNAVAILABLE' } });
});
