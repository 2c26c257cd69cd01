import { createFakeClock } from '@weir/testing';
import { venues } from '@weir/venues';
import { expect, test } from 'vitest';
import { createConnectBudget } from './connect-budget.ts';

const LIMITS = { connectsPerSecond: 0.5, connectBurst: 3 };

test('allows a burst, then the rate, and says how long to wait', async () => {
  const clock = createFakeClock();
  const budget = createConnectBudget(clock);
  expect([1, 2, 3].map(() => budget.take('a', LIMITS))).toEqual([0, 0, 0]);
  expect(budget.take('a', LIMITS)).toBe(2_000);
  await clock.advance(500);
  expect(budget.take('a', LIMITS)).toBe(1_500);
  await clock.advance(1_500);
  expect(budget.take('a', LIMITS)).toBe(0);
  expect(budget.take('a', LIMITS)).toBe(2_000);
  await clock.advance(3_600_000);
  expect([1, 2, 3].map(() => budget.take('a', LIMITS))).toEqual([0, 0, 0]);
  expect(budget.take('a', LIMITS)).toBe(2_000);
});

test('each host has its own, shared by whoever asks', () => {
  const budget = createConnectBudget(createFakeClock());
  for (let n = 0; n < 3; n++) budget.take('a', LIMITS);
  expect(budget.take('a', LIMITS)).toBeGreaterThan(0);
  expect(budget.take('b', LIMITS)).toBe(0);
});

test('what was given back can be taken again, but never more than the burst', () => {
  const budget = createConnectBudget(createFakeClock());
  budget.giveBack('a', LIMITS);
  for (let n = 0; n < 3; n++) expect(budget.take('a', LIMITS)).toBe(0);
  budget.giveBack('a', LIMITS);
  expect(budget.take('a', LIMITS)).toBe(0);
  expect(budget.take('a', LIMITS)).toBeGreaterThan(0);
});

test.each(Object.values(venues))('however many sockets knock at $title, its limits hold', async ({ id, limits }) => {
  const clock = createFakeClock();
  const budget = createConnectBudget(clock);
  let taken = 0;
  for (let n = 0; n < 6_000; n++) {
    if (budget.take('host', limits) === 0) taken += 1;
    await clock.advance(100);
  }
  // Published: Kraken about 150 in 10 minutes; Coinbase 8 a second.
  expect(taken).toBeLessThanOrEqual(id === 'kraken' ? 150 : 8 * 600);
});
