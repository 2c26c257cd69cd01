import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';
import { KubeError, type KubeErrorKind } from './kube-error.ts';
import { RetryPlan } from './retry-plan.ts';
import { TokenBucket } from './token-bucket.ts';

function plan(random = () => 0.5, burst = 1_000) {
  const clock = createFakeClock();
  return new RetryPlan({ random, bucket: new TokenBucket({ perSecond: 10, burst, clock }) });
}

const failure = new Error('Valkey is away');
const kubeError = (kind: KubeErrorKind, retryAfterMs?: number) =>
  new KubeError({ kind, message: '', ...(retryAfterMs !== undefined && { retryAfterMs }) });

describe('a retry plan', () => {
  it('doubles from 5 ms to 300 s for a key, and counts each key apart', () => {
    const retries = plan();
    const delays = Array.from({ length: 20 }, () => retries.delayAfter('a', failure));
    expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(delays.slice(-3)).toEqual([300_000, 300_000, 300_000]);
    expect(retries.delayAfter('b', failure)).toBe(5);
  });

  it('spreads each delay over 0.5 to 1.5 times itself', () => {
    expect(plan(() => 0).delayAfter('a', failure)).toBe(2.5);
    expect(plan(() => 0.999).delayAfter('a', failure)).toBeCloseTo(7.5, 1);
  });

  it('begins anew once it is told to forget', () => {
    const retries = plan();
    for (let n = 0; n < 5; n += 1) retries.delayAfter('a', failure);
    expect(retries.failures('a')).toBe(5);
    retries.forget('a');
    expect(retries.delayAfter('a', failure)).toBe(5);
  });

  it('does not repeat what a person has to put right', () => {
    const retries = plan();
    retries.delayAfter('a', failure);
    expect(retries.delayAfter('a', kubeError('rejected'))).toBeUndefined();
    expect(retries.failures('a')).toBe(0);
  });

  it('repeats a conflict at once, waits as long as the server asks, and long for rights', () => {
    expect(plan().delayAfter('a', kubeError('conflict'))).toBe(5);
    expect(plan().delayAfter('a', kubeError('throttled', 7_000))).toBe(7_000);
    expect(plan().delayAfter('a', kubeError('forbidden'))).toBe(30_000);
  });

  it('limits the repeats of all keys together', () => {
    const retries = plan(() => 0.5, 2);
    const delays = ['a', 'b', 'c', 'd'].map((key) => retries.delayAfter(key, failure));
    expect(delays).toEqual([5, 5, 100, 200]);
  });
});

describe('Backoff', () => {
  it('waits anywhere between nothing and a doubling delay, up to its maximum', () => {
    const backoff = new Backoff({ baseMs: 800, maxMs: 30_000, random: () => 0.5 });
    const delays = Array.from({ length: 8 }, () => backoff.nextMs());
    expect(delays).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(400);
    expect(new Backoff({ baseMs: 800, maxMs: 30_000, random: () => 0 }).nextMs()).toBe(0);
  });
});
