import { expect, test } from 'vitest';
import { CHUNK_RECORDS, SWEEP_RECORDS, Sweep, sweepShare } from './sweep.ts';

const progress = { total: 10_000, done: 0, elapsedMs: 0, periodMs: 1_000 };

test('a heartbeat that is in time takes a chunk', () => {
  expect(sweepShare(progress)).toBe(CHUNK_RECORDS);
  expect(sweepShare({ ...progress, done: 6_000, elapsedMs: 500 })).toBe(CHUNK_RECORDS);
});

test('one that is behind takes as much more, up to three chunks', () => {
  expect(sweepShare({ ...progress, done: 1_750, elapsedMs: 200 })).toBe(250);
  expect(sweepShare({ ...progress, done: 100, elapsedMs: 900 })).toBe(SWEEP_RECORDS);
  expect(sweepShare({ ...progress, done: 9_850, elapsedMs: 60_000 })).toBe(150);
});

test.each([
  [1, 1_000],
  [30, 1_100],
  [100, 3_500],
])('go by go it takes every price once, when each takes %d ms in at most %d ms', (goMs, endMs) => {
  const assets = Array.from({ length: 10_000 }, (_, index) => `A${index}`);
  const sweep = new Sweep({ assets, restated: new Set(), batchBefore: 0, startMs: 5_000, periodMs: 1_000 });
  const taken: string[] = [];
  let nowMs = 5_000;
  for (; !sweep.isDone; nowMs += goMs) taken.push(...sweep.take(nowMs));
  expect(taken).toEqual(assets);
  expect(nowMs - 5_000).toBeLessThanOrEqual(endMs);
});
