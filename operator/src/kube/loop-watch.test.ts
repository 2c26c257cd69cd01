import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { FrozenProcess } from '../../test/kube/frozen-process.ts';
import { watchLoop } from './loop-watch.ts';

describe('watchLoop', () => {
  it('sees a loop that stands still, remembers it for the next probe, and has forgotten it long before the sixth', async () => {
    const clock = createFakeClock();
    const process = new FrozenProcess(clock);
    const loop = watchLoop(process.clock);
    await clock.advance(10_000);
    expect(loop.worstMs()).toBeLessThan(500);
    process.freeze();
    await clock.advance(12_000);
    expect(loop.worstMs()).toBeGreaterThanOrEqual(11_000);
    process.thaw();
    await clock.advance(10_000);
    expect(loop.worstMs()).toBeGreaterThanOrEqual(11_000);
    await clock.advance(11_000);
    expect(loop.worstMs()).toBeLessThan(500);
    loop.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
