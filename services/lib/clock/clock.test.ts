import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from './index.ts';

describe('sleep', () => {
  it('resolves after the delay and not before', async () => {
    const clock = createFakeClock();
    let isDone = false;
    void sleep(clock, 100).then(() => (isDone = true));
    await clock.advance(99);
    expect(isDone).toBe(false);
    await clock.advance(1);
    expect(isDone).toBe(true);
  });

  it('rejects with the reason of the abort and leaves no timer behind', async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const slept = sleep(clock, 100, abort.signal);
    abort.abort(new Error('stopping'));
    await expect(slept).rejects.toThrow('stopping');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects at once, without a timer, when aborted before', async () => {
    const clock = createFakeClock();
    await expect(sleep(clock, 100, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is not disturbed by an abort after its end', async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const slept = sleep(clock, 100, abort.signal);
    await clock.advance(100);
    abort.abort();
    await expect(slept).resolves.toBeUndefined();
  });
});

describe('systemClock', () => {
  it('never goes back on the monotonic scale and agrees with the wall', () => {
    const first = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemClock.nowMs() - new Date().getTime())).toBeLessThan(5_000);
  });

  it('keeps a delay that Node would turn into 1 ms', async () => {
    let hasRun = false;
    const timer = systemClock.setTimeout(() => (hasRun = true), 2 ** 31);
    await sleep(systemClock, 20);
    timer.cancel();
    expect(hasRun).toBe(false);
  });

  it('does not run a cancelled timer', async () => {
    const ran: string[] = [];
    systemClock.setTimeout(() => ran.push('timeout'), 1).cancel();
    systemClock.setInterval(() => ran.push('interval'), 1).cancel();
    await sleep(systemClock, 20);
    expect(ran).toEqual([]);
  });

  it('repeats an interval until it is cancelled', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let runs = 0;
    const timer = systemClock.setInterval(() => {
      runs += 1;
      if (runs === 3) resolve();
    }, 1);
    await promise;
    timer.cancel();
    expect(runs).toBe(3);
  });

  it('refuses an interval that Node would turn into 1 ms', () => {
    expect(() => systemClock.setInterval(() => undefined, 0)).toThrow(RangeError);
    expect(() => systemClock.setInterval(() => undefined, 2 ** 31)).toThrow(RangeError);
  });
});
