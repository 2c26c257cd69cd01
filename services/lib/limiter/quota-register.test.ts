import fc from 'fast-check';
import { lowestQuota } from '@weir/wire';
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

test('whatever is said and taken back, in whatever order, the lowest of what is said now holds', () => {
  const step = fc.record({ owner: fc.nat({ max: 4 }), said: fc.array(fc.nat({ max: 6 }), { maxLength: 2 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const register = createQuotaRegister();
      const said = new Map<number, readonly ProviderQuota[]>();
      for (const { owner, said: points } of steps) {
        const quotas = points.map((each) => quota(each + 1));
        said.set(owner, quotas);
        register.replace(
          `weir/${owner}`,
          quotas.map((each) => ({ exchange: 'kraken', quota: each })),
        );
        const lowest = lowestQuota([...said.values()].flat());
        expect(register.of('kraken')).toEqual({ quota: lowest ?? quota(50_000), isConfigured: lowest !== undefined });
      }
    }),
  );
});

test('following thousands of feeds does not take the square of their number', () => {
  const register = createQuotaRegister();
  const exchanges = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];
  const sources = exchanges.map((exchange) => ({ exchange, quota: quota(60) }));
  const startMs = performance.now();
  for (let feed = 0; feed < 8_000; feed += 1) register.replace(`weir/${feed % 4_000}`, sources);
  // About 30 ms; looking at all feeds for each takes seconds.
  expect(performance.now() - startMs).toBeLessThan(1_000);
});
