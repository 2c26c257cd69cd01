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

/** The true price is 100 until 20 s, then 110; at 50 s somebody begins to lie, and from 90 s on nothing is promised. */
function watch() {
  const made = createWatch({
    slackBps: (_asset, { fromMs }, rateBps) => (fromMs < 90_000 ? 10 + rateBps : undefined),
    liarsSince: (_asset, atMs, forMs) => (atMs >= 50_000 + forMs ? ['liar'] : []),
    freshMs: 5_000,
    lagMs: 1_000,
  });
  made.learn(0, { BTC: 100, USDT: 1 });
  made.learn(20_000, { BTC: 110, USDT: 1.001 });
  return made;
}

const served = (timestampMs: number, change: Partial<Served> = {}): Served => ({
  ...SERVED,
  timestampMs,
  seq: timestampMs * 1_000,
  askedMs: timestampMs + 40,
  answeredMs: timestampMs + 60,
  ...change,
});

test('a price holds that was true at its instant, or at any time from then until now', () => {
  expect(watch().check(SERVED)).toBeUndefined();
  expect(watch().check({ ...SERVED, price: 100.09 })).toBeUndefined();
  expect(watch().check({ ...SERVED, answeredMs: 20_060, askedMs: 20_040, ageMs: 10_050 })).toBeUndefined();
  expect(watch().check({ ...SERVED, answeredMs: 20_060, askedMs: 20_040, ageMs: 10_050, price: 110 })).toBeUndefined();
  expect(watch().check(served(20_500))).toBeUndefined();
});

test('what the rate of USDT has moved by is allowed for', () => {
  expect(watch().check(served(25_000, { price: 110.2 }))).toBeUndefined();
  expect(watch().check(served(35_000, { price: 110.2 }))?.rule).toBe('band');
});

test.each([
  ['band', { price: 100.2 }],
  ['band', { price: 99.8 }],
  ['band', served(25_000)],
  ['age', { ageMs: 5 }],
  ['age', { ageMs: 500 }],
  ['future', { timestampMs: 10_100 }],
  ['value', { price: 0 }],
  ['value', { price: Number.NaN }],
  ['liar', served(60_000, { price: 110, sources: ['a-ws', 'liar-ws'] })],
] as const)('breaks the rule %s: %j', (rule, change) => {
  expect(watch().check({ ...SERVED, ...change })?.rule).toBe(rule);
});

test('seq never goes back, and an instant by no more than a vote may be older, of one server and asset', () => {
  const made = watch();
  expect(made.check(SERVED)).toBeUndefined();
  expect(made.check({ ...SERVED, seq: 4 })?.rule).toBe('order');
  expect(made.check({ ...SERVED, seq: 5, timestampMs: 9_000, ageMs: 1_050 })).toBeUndefined();
  expect(made.worstStepBackMs).toBe(1_000);
  expect(made.check({ ...SERVED, seq: 6, timestampMs: 3_900, ageMs: 6_150 })?.rule).toBe('order');
  expect(made.check({ ...SERVED, pod: 'q', seq: 4 })).toBeUndefined();
  expect(made.checked).toBe(5);
});

test('what nothing is promised of is counted apart', () => {
  const made = watch();
  expect(made.check(served(95_000, { price: 50 }))).toBeUndefined();
  expect([made.unpromised, made.worstBps]).toEqual([1, -Infinity]);
});
