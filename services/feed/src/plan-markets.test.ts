import type { Instrument } from '@weir/venues';
import { expect, test } from 'vitest';
import { planMarkets, type PlanInput } from './plan-markets.ts';

const listOf = (...instruments: Instrument[]): ReadonlyMap<string, Instrument> =>
  new Map(instruments.map((instrument) => [`${instrument.asset}-${instrument.quote}`, instrument]));

const DOLLARS = listOf(
  { asset: 'BTC', quote: 'USD', symbol: 'XBT/USD', restSymbol: 'XXBTZUSD' },
  { asset: 'ETH', quote: 'USD', symbol: 'ETH/USD' },
  { asset: 'USDT', quote: 'USD', symbol: 'USDT/USD' },
  { asset: 'BTC', quote: 'EUR', symbol: 'XBT/EUR' },
);
const TETHERS = listOf(
  { asset: 'BTC', quote: 'USDT', symbol: 'BTCUSDT' },
  { asset: 'BTC', quote: 'USD', symbol: 'BTCUSD' },
  { asset: 'ETH', quote: 'USDT', symbol: 'ETHUSDT' },
  { asset: 'BTC', quote: 'EUR', symbol: 'BTCEUR' },
);

function plan(change: Partial<PlanInput>) {
  return planMarkets({
    assets: ['BTC', 'ETH'],
    quote: 'USD',
    settlement: 'USD',
    needsUsdtRate: false,
    listed: DOLLARS,
    ...change,
  });
}

test('symbols are those of the list, whatever a rule would make of the name', () => {
  expect(plan({})).toEqual({
    markets: [
      { asset: 'BTC', quote: 'USD', symbol: 'XBT/USD', restSymbol: 'XXBTZUSD' },
      { asset: 'ETH', quote: 'USD', symbol: 'ETH/USD' },
    ],
    missing: [],
  });
});

test('a market that stands still by the list is followed all the same, and named', () => {
  const listed = listOf({ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD', isHalted: true });
  expect(plan({ assets: ['BTC'], listed })).toEqual({
    markets: [{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD', isHalted: true }],
    missing: [{ asset: 'BTC', symbol: 'BTC-USD', reason: 'stands still, as the venue lists it', isFollowed: true }],
  });
});

test('a venue of USDT markets is asked for those, and the dollar venues for its rate', () => {
  const tether = plan({ settlement: 'USDT', needsUsdtRate: true, listed: TETHERS });
  expect(tether.markets.map(({ symbol }) => symbol)).toEqual(['BTCUSDT', 'ETHUSDT']);
  const dollar = plan({ needsUsdtRate: true });
  expect(dollar.markets.map(({ symbol }) => symbol)).toEqual(['XBT/USD', 'ETH/USD', 'USDT/USD']);
});

test('a venue of USDT markets is asked for one in dollars only where it lists none in USDT', () => {
  const listed = listOf(
    { asset: 'BTC', quote: 'USDT', symbol: 'BTC-USDT' },
    { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' },
    { asset: 'ETH', quote: 'USD', symbol: 'ETH-USD' },
    { asset: 'USDT', quote: 'USD', symbol: 'USDT-USD' },
  );
  const { markets, missing } = plan({ settlement: 'USDT', needsUsdtRate: true, listed });
  expect([markets.map(({ symbol }) => symbol), missing]).toEqual([['BTC-USDT', 'ETH-USD'], []]);
  const eth = plan({ assets: ['ETH'], settlement: 'USDT', quote: 'EUR', listed });
  expect(eth.missing).toMatchObject([{ symbol: 'ETH-EUR' }]);
});

test('USDT as an asset is one market, and has no price in itself', () => {
  expect(plan({ assets: ['USDT'], needsUsdtRate: true }).markets).toHaveLength(1);
  const tether = plan({ assets: ['BTC', 'USDT'], settlement: 'USDT', listed: TETHERS });
  expect(tether.markets.map(({ symbol }) => symbol)).toEqual(['BTCUSDT']);
  expect(tether.missing).toEqual([
    { asset: 'USDT', symbol: 'USDT-USD', reason: 'not listed by the venue', isFollowed: false },
  ]);
});

test('in another quote every venue is asked directly', () => {
  const wish = { assets: ['BTC'], quote: 'EUR', needsUsdtRate: true };
  expect(plan(wish).markets.map(({ symbol }) => symbol)).toEqual(['XBT/EUR']);
  expect(plan({ ...wish, settlement: 'USDT', listed: TETHERS }).markets.map(({ symbol }) => symbol)).toEqual([
    'BTCEUR',
  ]);
});

test('what is not listed is named, and only once the list is known', () => {
  expect(plan({ assets: ['BTC', 'NOPE'] }).missing).toEqual([
    { asset: 'NOPE', symbol: 'NOPE-USD', reason: 'not listed by the venue', isFollowed: false },
  ]);
  expect(plan({ listed: undefined })).toEqual({ markets: [], missing: [] });
});

test("the operator's symbols hold without a list and against it", () => {
  const symbols = { BTC: 'BTC-USDC', SOL: 'SOL-USD' };
  expect(plan({ symbols, listed: undefined }).markets).toEqual([{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USDC' }]);
  expect(plan({ symbols }).markets[0]).toEqual({ asset: 'BTC', quote: 'USD', symbol: 'BTC-USDC' });
});

test("an operator's symbol that is listed has the quote and the REST name of the list", () => {
  const direct = plan({ symbols: { BTC: 'BTCUSD' }, settlement: 'USDT', listed: TETHERS });
  expect(direct.markets[0]).toEqual({ asset: 'BTC', quote: 'USD', symbol: 'BTCUSD' });
  const other = plan({ assets: ['XBT'], symbols: { XBT: 'XBT/USD' } });
  expect(other.markets).toEqual([{ asset: 'XBT', quote: 'USD', symbol: 'XBT/USD', restSymbol: 'XXBTZUSD' }]);
  const tether = plan({ assets: ['XBT'], symbols: { XBT: 'BTCUSDT' }, settlement: 'USDT', listed: TETHERS });
  expect(tether.markets).toEqual([{ asset: 'XBT', quote: 'USDT', symbol: 'BTCUSDT' }]);
});

test('of two assets with one symbol the first has it', () => {
  expect(plan({ symbols: { ETH: 'XBT/USD' } })).toMatchObject({
    markets: [{ asset: 'BTC' }],
    missing: [{ asset: 'ETH', symbol: 'XBT/USD', reason: 'the symbol is taken by BTC' }],
  });
});

test("an operator's symbol that is another market by the list is followed, and named", () => {
  const wrong = plan({ symbols: { ETH: 'XBT/EUR' } });
  expect(wrong.markets).toContainEqual({ asset: 'ETH', quote: 'USD', symbol: 'XBT/EUR' });
  expect(wrong.missing).toEqual([
    { asset: 'ETH', symbol: 'XBT/EUR', reason: 'is BTC-EUR, as the venue lists it', isFollowed: true },
  ]);
  const quote = plan({ assets: ['BTC'], symbols: { BTC: 'XBT/EUR' } });
  expect(quote.missing).toMatchObject([{ reason: 'is BTC-EUR, as the venue lists it' }]);
});

test('which coins are dollars is for the operator to say', () => {
  const listed = listOf({ asset: 'BTC', quote: 'USDC', symbol: 'BTC-USDC' });
  expect(plan({ assets: ['BTC'], symbols: { BTC: 'BTC-USDC' }, listed }).missing).toEqual([]);
  const tether = { assets: ['BTC'], symbols: { BTC: 'BTCUSDT' }, settlement: 'USDT', listed: TETHERS } as const;
  expect(plan(tether).missing).toEqual([]);
});
