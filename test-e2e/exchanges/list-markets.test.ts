import { describe, expect, it } from 'vitest';
import { fairPairs, listMarkets, type ListedPair } from './list-markets.ts';

const btc: ListedPair = { asset: 'BTC', quote: 'USD', price: '64000.00' };
const tether: ListedPair = { asset: 'USDT', quote: 'USD', price: '1.0002' };
const euros: ListedPair = { asset: 'BTC', quote: 'EUR', price: '59000.00' };
const inTether: ListedPair = { asset: 'BTC', quote: 'USDT', price: '1.00' };

const names = (...[pairs, quotes]: Parameters<typeof listMarkets>): string[] =>
  listMarkets(pairs, quotes).map(({ asset, quote, pair, isConverted }) =>
    [`${asset}-${quote}`, `of ${pair}`, ...(isConverted ? ['converted'] : [])].join(' '),
  );

describe('the pairs whose prices walk', () => {
  it('take the rate of USDT in, once a venue quotes in it', () => {
    expect(fairPairs([btc], [{ dollarQuotes: ['USD'] }])).toEqual([btc]);
    expect(fairPairs([euros], [{ dollarQuotes: ['USDT'] }])).toEqual([euros]);
    expect(fairPairs([btc], [{ dollarQuotes: ['USD'] }, { dollarQuotes: ['USDT'] }])).toMatchObject([
      btc,
      { asset: 'USDT', quote: 'USD' },
    ]);
    expect(fairPairs([tether, btc], [{ dollarQuotes: ['USDT'] }])).toEqual([tether, btc]);
  });
});

describe("a venue's markets", () => {
  it('are in its own quotes', () => {
    expect(names([btc, tether, euros], ['USD'])).toEqual(['BTC-USD of 0', 'USDT-USD of 1', 'BTC-EUR of 2']);
    expect(names([btc, tether, euros], ['USDT'])).toEqual(['BTC-USDT of 0 converted', 'BTC-EUR of 2']);
    expect(names([btc, tether], ['USDT', 'USD'])).toEqual(['BTC-USDT of 0 converted', 'BTC-USD of 0', 'USDT-USD of 1']);
  });

  it('cost the same in USDT whichever way they are asked for', () => {
    expect(names([btc, inTether, tether], ['USD'])).toEqual([
      'BTC-USD of 0',
      'BTC-USDT of 0 converted',
      'USDT-USD of 2',
    ]);
    expect(names([btc, inTether, tether], ['USDT'])).toEqual(['BTC-USDT of 0 converted']);
    expect(names([inTether], ['USD'])).toEqual(['BTC-USDT of 0']);
  });
});
