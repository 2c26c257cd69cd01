import { describe, expect, it } from 'vitest';
import { demoPair } from './demo-pairs.ts';

describe('starting prices of a demonstration', () => {
  it.each([
    ['BTC', 'USD', '84737.58'],
    ['DOGE', 'USD', '0.16729'],
    ['BTC', 'EUR', '78149.57'],
    ['ETH', 'BTC', '0.037036'],
    ['USDC', 'USD', '1.0000'],
  ])('%s in %s starts at %s', (asset, quote, price) => {
    expect(demoPair(asset, quote).price).toBe(price);
  });

  it('makes up a price for an asset it does not know, always the same', () => {
    expect(demoPair('WEIRD', 'USD').price).toMatch(/^\d{1,3}\.\d{2,4}$/);
    expect(demoPair('WEIRD', 'USD')).toEqual(demoPair('WEIRD', 'USD'));
  });
});
