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

test('turn by turn it takes every price once, and ends soon after its period however long a turn takes', () => {
  const assets = Array.from({ length: 10_000 }, (_, index) => `A${index}`);
  const sweep = new Sweep({ assets, restated: new Set(), batchBefore: 0, startMs: 5_000, periodMs: 1_000 });
  const taken: string[] = [];
  let nowMs = 5_000;
  for (; !sweep.isDone; nowMs += 30) taken.push(...sweep.take(nowMs));
  expect(taken).toEqual(assets);
  expect(nowMs).toBeLessThan(6_200);
});
