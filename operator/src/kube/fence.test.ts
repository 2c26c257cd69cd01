import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { TimedFence } from './fence.ts';
import { isKubeError } from './kube-error.ts';

describe('a timed fence', () => {
  it('is closed at first, open until its time, and closed by the clock alone', async () => {
    const clock = createFakeClock();
    const fence = new TimedFence(clock);
    expect(() => fence.check()).toThrow('does not lead');
    fence.openUntil(1_000);
    fence.check();
    await clock.advance(999);
    clock.jumpWall(3_600_000);
    expect(fence.isLeader).toBe(true);
    await clock.advance(1);
    expect(fence.isLeader).toBe(false);
    try {
      fence.check();
      expect.unreachable();
    } catch (err) {
      expect(isKubeError(err, 'fenced')).toBe(true);
    }
  });

  it('closes at once when it is told to', () => {
    const fence = new TimedFence(createFakeClock());
    fence.openUntil(1_000);
    fence.close();
    expect(fence.isLeader).toBe(false);
  });
});
