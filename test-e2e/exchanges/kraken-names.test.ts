import { describe, expect, it } from 'vitest';
import { krakenNames, modernSymbol } from './kraken-names.ts';

describe("Kraken's names", () => {
  it.each([
    ['BTC', 'USD', 'XXBTZUSD', 'XBTUSD'],
    ['ETH', 'USD', 'XETHZUSD', 'ETHUSD'],
    ['USDT', 'USD', 'USDTZUSD', 'USDTUSD'],
    ['BTC', 'USDT', 'XBTUSDT', 'XBTUSDT'],
    ['DOGE', 'USD', 'XDGUSD', 'XDGUSD'],
    ['DOGE', 'BTC', 'XXDGXXBT', 'XDGXBT'],
    ['EUR', 'USD', 'ZEURZUSD', 'EURUSD'],
    ['SOL', 'USD', 'SOLUSD', 'SOLUSD'],
  ])('%s/%s has id %s and altname %s', (asset, quote, id, altname) => {
    expect(krakenNames(asset, quote)).toMatchObject({ id, altname });
  });

  it('gives the v2 symbol of an old pair', () => {
    expect(modernSymbol('XBT/USD')).toBe('BTC/USD');
    expect(modernSymbol('XDG/XBT')).toBe('DOGE/BTC');
    expect(modernSymbol('SC/EUR')).toBe('SC/EUR');
  });
});
