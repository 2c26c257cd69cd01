import { expect, test } from 'vitest';
import type { ProviderQuota } from './provider-quotas.ts';
import { createSafeShare, owedBy, takeShare } from './safe-share.ts';

const quota: ProviderQuota = { points: 100, durationMs: 10_000, window: 'Smooth' };
const request = { quota, livePods: 4, cost: 1, isBackground: false };

test('begins empty, and lets through no more than its part of 0.8 of the quota in any window', () => {
  const share = createSafeShare(0);
  expect(takeShare(share, request, 0)).toBeGreaterThan(0);
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 10) if (takeShare(share, request, nowMs) === 0) times.push(nowMs);
  for (const time of times) {
    expect(times.filter((each) => each > time - 10_000 && each <= time).length).toBeLessThanOrEqual(20);
  }
  expect(times.length).toBeGreaterThan(90);
});

test('says when there is enough, and waits for its beginning', () => {
  const share = createSafeShare(5_000);
  const waitMs = takeShare(share, request, 1_000);
  expect(waitMs).toBeGreaterThan(4_000);
  expect(takeShare(share, request, 1_000 + Math.ceil(waitMs))).toBe(0);
});

test('is nothing when it comes to less than a point, or for what costs more than there ever is', () => {
  expect(takeShare(createSafeShare(0), { ...request, livePods: 81 }, 100_000)).toBe(Number.POSITIVE_INFINITY);
  expect(takeShare(createSafeShare(0), { ...request, cost: 3 }, 100_000)).toBe(Number.POSITIVE_INFINITY);
});

test('leaves a reserve to interactive', () => {
  const many = { ...request, quota: { ...quota, points: 1_000 }, livePods: 1 };
  const share = createSafeShare(0);
  let background = 0;
  while (takeShare(share, { ...many, isBackground: true }, 100_000) === 0) background += 1;
  let interactive = 0;
  while (takeShare(share, many, 100_000) === 0) interactive += 1;
  expect([background, interactive]).toEqual([64, 16]);
});

test('owes what has not flowed in again; of a fixed window all that it has admitted', () => {
  const share = createSafeShare(0);
  expect(takeShare(share, request, 10_000)).toBe(0);
  expect(takeShare(share, request, 10_000)).toBe(0);
  expect(owedBy(share, quota, 4)).toBe(2);
  takeShare(share, { ...request, cost: 3 }, 20_000);
  expect(owedBy(share, quota, 4)).toBe(0);
  expect(owedBy(share, { ...quota, window: 'Fixed' }, 4)).toBe(2);
});
