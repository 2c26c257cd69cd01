import { formatDecimal, parseDecimal } from './decimal.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_TRADE_AGE_MS, valueOfQuote } from './source-value.ts';

function worth(price: string, bid?: string, ask?: string, tradeAgeMs?: number): string {
  const decimal = (text: string): bigint => parseDecimal(text) ?? 0n;
  const value = valueOfQuote(
    { price: decimal(price), ...(bid && { bid: decimal(bid) }), ...(ask && { ask: decimal(ask) }) },
    tradeAgeMs,
  );
  return typeof value === 'string' ? value : `${formatDecimal(value.price)} ±${formatDecimal(value.halfSpread)}`;
}

test.each([
  ['within its book it is itself', ['100', '99.9', '100.1'], '100 ±0.1'],
  ['below the bid it is the bid', ['99', '99.9', '100.1'], '99.9 ±0.1'],
  ['above the ask it is the ask', ['101', '99.9', '100.1'], '100.1 ±0.1'],
  ['a locked book holds it as well, and no spread is below 1 bp', ['101', '100', '100'], '100 ±0.01'],
  ['a spread of 1 % is narrow enough', ['98', '99.5', '100.5'], '99.5 ±0.5'],
  ['a wider one makes it uncertain', ['100', '99.5', '100.6'], '100 ±0.55'],
  ['and holds it all the same, from below', ['100', '140', '145'], '140 ±2.5'],
  ['and from above', ['200', '140', '145'], '145 ±2.5'],
  ['a spread beyond all measure is no more than the price', ['1', '1', '1000'], '1 ±1'],
  ['without a side there is no book', ['100', '105'], '100 ±0.01'],
  ['a book crossed by 10 bps is one of two moments', ['100', '100.1', '100'], '100 ±0.01'],
  ['by more it is wrong', ['100', '100.11', '100'], 'crossed'],
] as const)('a last price: %s', (_name, [price, bid, ask], expected) => {
  expect(worth(price, bid, ask)).toBe(expected);
});

test('without a narrow book a trade counts for 15 minutes', () => {
  expect(worth('100', undefined, undefined, MAX_TRADE_AGE_MS)).toBe('100 ±0.01');
  expect(worth('100', undefined, undefined, MAX_TRADE_AGE_MS + 1)).toBe('old-trade');
  expect(worth('100', '90', '110', MAX_TRADE_AGE_MS + 1)).toBe('old-trade');
  expect(worth('100', '140', '145', MAX_TRADE_AGE_MS + 1)).toBe('old-trade');
  expect(worth('100', '99.9', '100.1', MAX_TRADE_AGE_MS + 1)).toBe('100 ±0.1');
  expect(worth('100', undefined, undefined, undefined)).toBe('100 ±0.01');
});

test('property: what is worth something is the last price or the side of the book that it is beyond', () => {
  const price = fc.bigInt(1n, 10n ** 33n);
  fc.assert(
    fc.property(price, price, price, (last, bid, ask) => {
      const value = valueOfQuote({ price: last, bid, ask }, undefined);
      if (typeof value === 'string') {
        expect(bid).toBeGreaterThan(ask);
        return;
      }
      if (bid <= ask) expect(value.price >= bid && value.price <= ask).toBe(true);
      expect([last, bid, ask]).toContain(value.price);
      expect(value.halfSpread <= value.price).toBe(true);
    }),
  );
});
