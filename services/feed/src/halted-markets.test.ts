import { expect, test } from 'vitest';
import { HaltedMarkets } from './halted-markets.ts';

const HOUR_MS = 3_600_000;

test('a market stands still until the socket tells a price of it, whatever REST says, for as long as the socket is there', () => {
  const halted = new HaltedMarkets();
  halted.add('BTC', 0);
  expect(halted.has('ETH', 1n, 0)).toBe(false);
  expect([1n, 2n, 3n].map((price, hours) => halted.has('BTC', price, hours * HOUR_MS))).toEqual([true, true, true]);
  halted.end('BTC');
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
  halted.keepOnly([{ symbol: 'ETH' }]);
  expect([halted.has('BTC', 1n, 1), halted.has('ETH', 1n, 1)]).toEqual([false, true]);
});
