import type { Instrument } from '@weir/venues';
import { expect, test } from 'vitest';
import { splitMarkets } from './split-markets.ts';

const market = (asset: string): Instrument => ({ asset, quote: 'USD', symbol: asset });
const markets = (text: string): Instrument[] => text.split('').map(market);
const texts = (shares: readonly (readonly Instrument[])[]): string[] =>
  shares.map((share) => share.map(({ symbol }) => symbol).join(''));

test('fills one connection after the other', () => {
  expect(texts(splitMarkets([], markets('ABCDE'), 2))).toEqual(['AB', 'CD', 'E']);
});

test('10,000 markets of a venue without a limit are spread over five connections', () => {
  const all = Array.from({ length: 10_000 }, (_, index) => market(`A${index}`));
  expect(splitMarkets([], all).map(({ length }) => length)).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
});

test('what stays keeps its connection, what is new takes the room that there is', () => {
  const before = splitMarkets([], markets('ABCDE'), 2);
  expect(texts(splitMarkets(before, markets('EDBXYZ'), 2))).toEqual(['BX', 'DY', 'EZ']);
});

test('a connection of which nothing is wanted stays in its place, empty, and is filled first', () => {
  const before = splitMarkets([], markets('ABC'), 1);
  const without = splitMarkets(before, markets('AC'), 1);
  expect(texts(without)).toEqual(['A', '', 'C']);
  expect(texts(splitMarkets(without, markets('ACD'), 1))).toEqual(['A', 'D', 'C']);
});

test('a smaller limit moves what is too much', () => {
  expect(texts(splitMarkets([markets('ABC')], markets('ABC'), 2))).toEqual(['AB', 'C']);
});
