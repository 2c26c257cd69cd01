import type { Instrument } from '@weir/venues';
import { expect, test } from 'vitest';
import type { SourceQuote } from './connect/connector.ts';
import { HaltedMarkets } from './halted-markets.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const marketOf = (symbol: string): Instrument => ({ asset: symbol, quote: 'USD', symbol });
const suspended = (symbol: string): Instrument => ({ ...marketOf(symbol), isHalted: true });
const quoteOf = (symbol: string, price: bigint, tradeAtMs?: number): SourceQuote => ({
  ...marketOf(symbol),
  price,
  ...(tradeAtMs !== undefined && { tradeAtMs }),
  confirmedMonotonicMs: 0,
  via: 'ws',
});

test('a market stands still until the socket tells a price of it, whatever REST says, for as long as the socket is there', () => {
  const halted = new HaltedMarkets();
  halted.add('BTC', 0);
  expect(halted.has('ETH', 1n, 0)).toBe(false);
  expect([1n, 2n, 3n].map((price, hours) => halted.has('BTC', price, hours * HOUR_MS))).toEqual([true, true, true]);
  expect(halted.stands(quoteOf('BTC', 3n), 2 * HOUR_MS)).toBe(false);
  expect(halted.has('BTC', 3n, 3 * HOUR_MS)).toBe(false);
});

test('without a socket it goes on when REST shows another price, but for what REST had not heard of at first', () => {
  const halted = new HaltedMarkets();
  halted.add('BTC', 0);
  halted.noteSocket(true, 1_000);
  expect([halted.has('BTC', 1n, 2_000), halted.has('BTC', 2n, 12_000), halted.has('BTC', 2n, 14_000)]).toEqual([
    true,
    true,
    true,
  ]);
  expect(halted.has('BTC', 3n, 16_000)).toBe(false);
  expect(halted.has('BTC', 2n, 18_000)).toBe(false);
});

test('without a socket it stands for an hour and no longer, counted anew when the socket was back', () => {
  const halted = new HaltedMarkets();
  halted.add('BTC', 0);
  halted.noteSocket(true, 1_000);
  halted.noteSocket(true, 5_000);
  expect(halted.has('BTC', 1n, HOUR_MS)).toBe(true);
  halted.noteSocket(false, HOUR_MS);
  halted.noteSocket(true, HOUR_MS + 1_000);
  expect(halted.has('BTC', 1n, HOUR_MS + 60_000)).toBe(true);
  expect(halted.has('BTC', 1n, 2 * HOUR_MS + 1_000)).toBe(false);
});

test('what is wanted no longer is forgotten', () => {
  const halted = new HaltedMarkets();
  halted.add('BTC', 0);
  halted.add('ETH', 0);
  halted.follow([marketOf('ETH')]);
  expect([halted.has('BTC', 1n, 1), halted.has('ETH', 1n, 1)]).toEqual([false, true]);
});

test('by the word of the list it stands still, whatever repeats its price and for however long, until the list says otherwise', () => {
  const halted = new HaltedMarkets();
  expect(halted.follow([suspended('LUNA'), marketOf('BTC')])).toEqual([suspended('LUNA')]);
  // Told once.
  expect(halted.follow([suspended('LUNA'), marketOf('BTC')])).toEqual([]);
  for (const atMs of [0, 1_000, HOUR_MS, 3 * HOUR_MS]) {
    expect(halted.stands(quoteOf('LUNA', 100n), atMs)).toBe(true);
    expect(halted.has('LUNA', 101n, atMs)).toBe(true);
    expect(halted.stands(quoteOf('BTC', 100n), atMs)).toBe(false);
  }
  expect(halted.follow([marketOf('LUNA'), marketOf('BTC')])).toEqual([]);
  expect([halted.stands(quoteOf('LUNA', 100n), 4 * HOUR_MS), halted.has('LUNA', 100n, 4 * HOUR_MS)]).toEqual([
    false,
    false,
  ]);
  expect(halted.follow([suspended('LUNA')])).toHaveLength(1);
});

test.each([
  ['another price', quoteOf('LUNA', 101n, 5)],
  ['a later trade at the same one', quoteOf('LUNA', 100n, 6)],
])(
  'a frame with %s ends it, for good while such frames come and for ten minutes after the last one',
  (_what, moved) => {
    const halted = new HaltedMarkets();
    halted.follow([suspended('LUNA')]);
    expect(halted.stands(quoteOf('LUNA', 100n, 5), 0)).toBe(true);
    expect(halted.stands(moved, MINUTE_MS)).toBe(false);
    expect(halted.stands(moved, 11 * MINUTE_MS)).toBe(false);
    expect(halted.stands(quoteOf('LUNA', 102n, 7), 11 * MINUTE_MS)).toBe(false);
    expect(halted.has('LUNA', 102n, 20 * MINUTE_MS)).toBe(false);
    expect(halted.stands(quoteOf('LUNA', 102n, 7), 22 * MINUTE_MS)).toBe(true);
  },
);
