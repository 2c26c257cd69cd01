import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { keepSettled } from './keep-settled.ts';

test('every price is looked at once a second, never many at a time, and none by who publishes', async () => {
  const clock = createFakeClock();
  const assets = Array.from({ length: 1_010 }, (_, index) => `A${index}`);
  const looks = new Map<number, string[]>();
  const refresh = (asset: string, nowMs: number): undefined => {
    looks.set(nowMs, [...(looks.get(nowMs) ?? []), asset]);
  };
  let isPublishing = false;
  const timer = keepSettled({ book: { assets, refresh }, clock, isPublishing: () => isPublishing });
  await clock.advance(1_000);
  expect(new Set([...looks.values()].flat())).toEqual(new Set(assets));
  expect(Math.max(...[...looks.values()].map(({ length }) => length))).toBe(51);
  looks.clear();
  isPublishing = true;
  await clock.advance(1_000);
  expect(looks.size).toBe(0);
  timer.cancel();
});
