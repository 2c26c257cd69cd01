import { expect, test } from 'vitest';
import { splitJoinedSymbol, splitSymbol } from './market-name.ts';

test.each([
  ['BTC-USD', { symbol: 'BTC-USD', asset: 'BTC', quote: 'USD' }],
  ['btc-usd', { symbol: 'btc-usd', asset: 'BTC', quote: 'USD' }],
  ['BTCUSD', undefined],
  ['-USD', undefined],
  ['BTC-', undefined],
  ['BTC-USD-SWAP', undefined],
  [7, undefined],
])('%j with a separator is %j', (symbol, market) => {
  expect(splitSymbol(symbol, '-')).toEqual(market);
});

test.each([
  ['BTCUSDT', { symbol: 'BTCUSDT', asset: 'BTC', quote: 'USDT' }],
  ['ETHBTC', { symbol: 'ETHBTC', asset: 'ETH', quote: 'BTC' }],
  ['USDTUSD', { symbol: 'USDTUSD', asset: 'USDT', quote: 'USD' }],
  ['usdtusd', { symbol: 'usdtusd', asset: 'USDT', quote: 'USD' }],
  ['USDT', { symbol: 'USDT', asset: 'USDT', quote: '' }],
  ['BTCXYZ', { symbol: 'BTCXYZ', asset: 'BTCXYZ', quote: '' }],
  ['', undefined],
  ['BTC USDT', undefined],
  [null, undefined],
])('%j without one is %j', (symbol, market) => {
  expect(splitJoinedSymbol(symbol, ['USD', 'USDT', 'BTC'])).toEqual(market);
});
