import { expect, test } from 'vitest';
import { isLowerQuota, lowestQuota, type UpstreamQuota } from './upstream-quota.ts';

const quota = (points: number, durationMs: number, window: UpstreamQuota['window'] = 'Smooth'): UpstreamQuota => ({
  points,
  durationMs,
  window,
});

test.each<[string, UpstreamQuota, UpstreamQuota]>([
  ['fewer points in the same time', quota(60, 60_000), quota(61, 60_000)],
  ['fewer points per time, however many at once', quota(1_000, 3_600_000), quota(60, 60_000)],
  ['of equal rates the one with fewer points', quota(1, 1_000), quota(60, 60_000)],
  ['of equal quotas the smooth one', quota(60, 60_000), quota(60, 60_000, 'Fixed')],
])('%s', (_what, low, high) => {
  expect(isLowerQuota(low, high)).toBe(true);
  expect(isLowerQuota(high, low)).toBe(false);
  expect(lowestQuota([high, low, high])).toEqual(low);
});

test('none has none, and no quota is lower than itself', () => {
  expect(lowestQuota([])).toBeUndefined();
  expect(isLowerQuota(quota(60, 60_000), quota(60, 60_000))).toBe(false);
});
