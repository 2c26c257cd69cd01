import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { createStallDetector } from './detect-stall.ts';

test('tells a stall once, however long it was, and none at or below the limit', async () => {
  const clock = createFakeClock();
  const detector = createStallDetector(clock, 1_500);
  const looks: boolean[] = [];
  for (const ms of [0, 250, 1_500, 1_501, 0, 250, 60_000, 1]) {
    await clock.advance(ms);
    looks.push(detector.look());
  }
  expect(looks).toEqual([false, false, false, true, false, false, true, false]);
});
