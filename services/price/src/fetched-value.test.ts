import { formatDecimal, parseDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { valueOfFetched, type FetchedWords } from './fetched-value.ts';

const NOW_MS = Date.parse('2026-10-03T20:58:31Z');
const minutesAgo = (minutes: number): string => new Date(NOW_MS - minutes * 60_000).toISOString();
const textOf = (...given: Parameters<typeof valueOfFetched>): string | undefined => {
  const value = valueOfFetched(...given);
  return value && formatDecimal(value.price);
};

test.each<[FetchedWords, string | undefined]>([
  [{ price: '100.50' }, '100.5'],
  [{ price: '100', bid: '100.2', ask: '100.4' }, '100.2'],
  [{ price: '101', bid: '100.2', ask: '100.4' }, '100.4'],
  [{ price: '100.3', bid: '100.2', ask: '100.4' }, '100.3'],
  [{ price: '100', bid: '110', ask: '130' }, '110'],
  [{ price: '120', bid: '110', ask: '130' }, '120'],
  [{ price: '100', bid: '101', ask: '99' }, undefined],
  [{ price: '100', bid: '101' }, '100'],
  [{ price: '100', bid: '0', ask: '0' }, '100'],
  [{ price: '100', tradeTime: minutesAgo(14) }, '100'],
  [{ price: '100', tradeTime: minutesAgo(16) }, undefined],
  [{ price: '100', bid: '100.2', ask: '100.4', tradeTime: minutesAgo(16) }, '100.2'],
  [{ price: '0' }, undefined],
  [{ price: '1e3' }, undefined],
])('%j is worth %s', (fetched, value) => {
  expect(textOf(fetched, NOW_MS)).toBe(value);
});

test('in USDT it is worth its dollars, spread and all', () => {
  const rate = { price: parseDecimal('0.995') ?? 0n, confirmedMs: 0 };
  const value = valueOfFetched({ price: '200', bid: '199', ask: '200.5' }, NOW_MS, rate);
  expect(value && [formatDecimal(value.price), formatDecimal(value.halfSpread)]).toEqual(['199', '0.74625']);
});
