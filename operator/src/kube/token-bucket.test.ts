import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('a token bucket', () => {
  it('lets the burst pass at once and everything after it at the rate, in the order of asking', async () => {
    const clock = createFakeClock();
    const bucket = new TokenBucket({ perSecond: 50, burst: 3, clock });
    const passed: string[] = [];
    const take = async (name: number): Promise<void> => {
      await bucket.take();
      passed.push(`${name} at ${clock.monotonicMs()}`);
    };
    const takes = [1, 2, 3, 4, 5].map(take);
    await clock.advance(40);
    await Promise.all(takes);
    expect(passed).toEqual(['1 at 0', '2 at 0', '3 at 0', '4 at 20', '5 at 40']);
  });

  it('fills up again, but not beyond the burst', async () => {
    const clock = createFakeClock();
    const bucket = new TokenBucket({ perSecond: 10, burst: 2, clock });
    expect([1, 2, 3].map(() => bucket.reserve())).toEqual([0, 0, 100]);
    await clock.advance(60_000);
    expect([1, 2, 3].map(() => bucket.reserve())).toEqual([0, 0, 100]);
  });

  it('gives back the turn of who gave up', async () => {
    const clock = createFakeClock();
    const bucket = new TokenBucket({ perSecond: 10, burst: 1, clock });
    const giveUp = new AbortController();
    await bucket.take();
    const waiting = bucket.take(giveUp.signal);
    giveUp.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(bucket.reserve()).toBe(100);
    expect(clock.pendingTimers).toBe(0);
    await expect(bucket.take(giveUp.signal)).rejects.toThrow('enough');
  });
});
