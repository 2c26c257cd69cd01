import { expect, test } from 'vitest';
import type { ProviderQuota } from './provider-quotas.ts';
import { createQuotaRegister } from './quota-register.ts';

const quota = (points: number, durationMs = 60_000): ProviderQuota => ({ points, durationMs, window: 'Smooth' });
const kraken = (points: number) => [{ exchange: 'kraken', quota: quota(points) }];

test('a provider of which nobody says anything has 50,000 points in 60 s, and is not configured', () => {
  expect(createQuotaRegister().of('kraken')).toEqual({ quota: quota(50_000), isConfigured: false });
});

test('of what several feeds say the lowest holds, until that feed says otherwise or goes', () => {
  const register = createQuotaRegister();
  register.replace('weir/a', kraken(100));
  register.replace('weir/b', kraken(60));
  expect(register.of('kraken')).toEqual({ quota: quota(60), isConfigured: true });
  register.replace('weir/b', kraken(80));
  expect(register.of('kraken').quota.points).toBe(80);
  register.replace('weir/b', []);
  expect(register.of('kraken').quota.points).toBe(100);
  register.replace('weir/a', [{ exchange: 'kraken' }]);
  expect(register.of('kraken').isConfigured).toBe(false);
});

test('of two sources of one feed at one exchange the lowest speaks, whatever their order', () => {
  const register = createQuotaRegister();
  register.replace('weir/a', [...kraken(60), ...kraken(100)]);
  expect(register.of('kraken').quota.points).toBe(60);
  register.replace('weir/a', [...kraken(100), ...kraken(60)]);
  expect(register.of('kraken').quota.points).toBe(60);
});

test('what is beyond the numbers of the script is taken for the most or the least of them', () => {
  const register = createQuotaRegister();
  register.set('x', 'kraken', { points: 1e12, durationMs: 1e12, window: 'Fixed' });
  expect(register.of('kraken').quota).toEqual({ points: 100_000_000, durationMs: 86_400_000, window: 'Fixed' });
  register.set('x', 'kraken', { points: 0.4, durationMs: 0.4, window: 'Fixed' });
  expect(register.of('kraken').quota).toEqual({ points: 1, durationMs: 1, window: 'Fixed' });
  register.set('x', 'kraken', undefined);
  expect(register.of('kraken').isConfigured).toBe(false);
});
