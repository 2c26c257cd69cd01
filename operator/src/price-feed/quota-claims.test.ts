import type { UpstreamQuota } from '@weir/wire';
import { expect, test } from 'vitest';
import { createQuotaClaims } from './quota-claims.ts';

const quota = (points: number, durationMs = 60_000): UpstreamQuota => ({ points, durationMs, window: 'Smooth' });
const kraken = (points: number, durationMs?: number) => [{ exchange: 'kraken', quota: quota(points, durationMs) }];

test('one quota, or the same of several feeds, is no conflict', () => {
  const claims = createQuotaClaims();
  claims.claim('weir/a', kraken(60));
  expect(claims.conflictsOf('weir/a')).toEqual([]);
  claims.claim('weir/b', kraken(60));
  claims.claim('weir/c', [{ exchange: 'coinbase', quota: quota(5) }]);
  for (const key of ['weir/a', 'weir/b', 'weir/c', 'weir/unknown']) expect(claims.conflictsOf(key)).toEqual([]);
});

test('everybody whose exchange has different quotas learns which holds and whose it is', () => {
  const claims = createQuotaClaims();
  claims.claim('weir/a', kraken(100));
  expect([...claims.claim('weir/b', kraken(60))]).toEqual(['weir/a']);
  expect(claims.conflictsOf('weir/a')).toEqual([
    { exchange: 'kraken', own: quota(100), lowest: quota(60), holder: 'weir/b' },
  ]);
  expect(claims.conflictsOf('weir/b')).toEqual([
    { exchange: 'kraken', own: quota(60), lowest: quota(60), holder: 'weir/b' },
  ]);
});

test('the lowest is the one with fewest points per time', () => {
  const claims = createQuotaClaims();
  claims.claim('weir/a', kraken(60));
  claims.claim('weir/b', kraken(1_000, 3_600_000));
  expect(claims.conflictsOf('weir/a')[0]?.holder).toBe('weir/b');
});

test('a conflict ends with whoever it was with, and those left are told', () => {
  const claims = createQuotaClaims();
  claims.claim('weir/a', kraken(100));
  claims.claim('weir/b', kraken(60));
  expect([...claims.withdraw('weir/b')]).toEqual(['weir/a']);
  expect(claims.conflictsOf('weir/a')).toEqual([]);
  claims.claim('weir/b', kraken(60));
  expect([...claims.claim('weir/b', kraken(100))]).toEqual(['weir/a']);
  expect(claims.conflictsOf('weir/a')).toEqual([]);
});

test('of several sources at one exchange the lowest speaks for the feed', () => {
  const claims = createQuotaClaims();
  claims.claim('weir/a', [...kraken(100), ...kraken(60)]);
  claims.claim('weir/b', kraken(60));
  expect(claims.conflictsOf('weir/a')).toEqual([]);
});

test('whoever names an exchange and says nothing of it is told what holds, and is in no conflict over it', () => {
  const claims = createQuotaClaims();
  expect([...claims.claim('weir/silent', [{ exchange: 'kraken' }])]).toEqual([]);
  expect([...claims.claim('weir/silent-too', [{ exchange: 'kraken' }])]).toEqual([]);
  expect([...claims.claim('weir/a', kraken(60))]).toEqual(['weir/silent', 'weir/silent-too']);
  expect(claims.lowestOf('kraken')).toEqual(quota(60));
  expect(claims.conflictsOf('weir/silent')).toEqual([]);
  expect(claims.conflictsOf('weir/a')).toEqual([]);
  expect([...claims.withdraw('weir/a')]).toEqual(['weir/silent', 'weir/silent-too']);
  expect(claims.lowestOf('kraken')).toBeUndefined();
});
