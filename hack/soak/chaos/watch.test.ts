import { expect, test } from 'vitest';
import { createWatch, type Served } from './watch.ts';

const SERVED: Served = {
  pod: 'p',
  asset: 'BTC',
  price: 100,
  timestampMs: 10_000,
  ageMs: 50,
  seq: 5,
  flags: [],
  sources: ['a'],
  askedMs: 10_040,
  answeredMs: 10_060,
};

/** The true price is 100 until 20 s, then 110. */
function watch() {
  const made = createWatch({ slackBps: 10, lagMs: 1_000 });
  made.learn(0, { BTC: 100 });
  made.learn(20_000, { BTC: 110 });
  return made;
}

test('a price that was true at its instant holds, whatever is true by now', () => {
  expect(watch().check(SERVED)).toBeUndefined();
  expect(watch().check({ ...SERVED, price: 100.09 })).toBeUndefined();
  expect(watch().check({ ...SERVED, answeredMs: 30_060, askedMs: 30_040, ageMs: 20_050 })).toBeUndefined();
  expect(watch().check({ ...SERVED, timestampMs: 20_500, askedMs: 20_540, answeredMs: 20_560 })).toBeUndefined();
});

test.each([
  ['band', { price: 100.2 }],
  ['band', { price: 99.8 }],
  ['band', { timestampMs: 25_000, askedMs: 25_040, answeredMs: 25_060 }],
  ['age', { ageMs: 5 }],
  ['age', { ageMs: 500 }],
  ['future', { timestampMs: 10_100 }],
  ['value', { price: 0 }],
  ['value', { price: Number.NaN }],
] as const)('breaks the rule %s: %j', (rule, change) => {
  expect(watch().check({ ...SERVED, ...change })?.rule).toBe(rule);
});

test('neither seq nor instant goes back, of one pod and asset', () => {
  const made = watch();
  expect(made.check(SERVED)).toBeUndefined();
  expect(made.check({ ...SERVED, seq: 4 })?.rule).toBe('order');
  expect(made.check({ ...SERVED, timestampMs: 9_950, ageMs: 100 })?.rule).toBe('order');
  expect(made.check({ ...SERVED, pod: 'q', seq: 4 })).toBeUndefined();
  expect(made.checked).toBe(4);
});
