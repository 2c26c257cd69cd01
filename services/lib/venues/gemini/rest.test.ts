import { expect, test } from 'vitest';
import type { Instrument } from '../venue-rest.ts';
import { readPrices } from '../test/read-prices.ts';
import { geminiRest } from './rest.ts';

const answer = (body: unknown, status = 200) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: 0,
});
const instrument = (asset: string, quote: string): Instrument => ({
  asset,
  quote,
  symbol: `${asset}${quote}`.toLowerCase(),
});
const BTC = instrument('BTC', 'USD');
const ETH = instrument('ETH', 'USD');

test('a list of symbols tells assets from quotes, and perpetual futures from markets', () => {
  const listed = (...symbols: readonly string[]): unknown => {
    const decoded = geminiRest.decodeInstruments(answer(symbols));
    return decoded.kind === 'ok' ? decoded.value.map(({ asset, quote }) => `${asset}/${quote}`) : decoded;
  };
  expect(listed('btcusd', 'btceur', 'btcgusd', 'btcrlusd', 'btcusdc', 'btcgusdperp', 'btcusdcperp')).toEqual([
    'BTC/USD',
    'BTC/EUR',
    'BTC/GUSD',
    'BTC/RLUSD',
    'BTC/USDC',
  ]);
  expect(listed('paxgusd', 'paxggusd', 'paxgrlusd', 'paxgusdc', 'moodengusd', 'moodenggusd', 'moodengusdc')).toEqual([
    'PAXG/USD',
    'PAXG/GUSD',
    'PAXG/RLUSD',
    'PAXG/USDC',
    'MOODENG/USD',
    'MOODENG/GUSD',
    'MOODENG/USDC',
  ]);
  // Without another symbol to tell: assets are newer than quotes.
  expect(listed('paxgusd', 'gusdusd', 'gusdsgd', 'rlusdusd', 'usdtusd', 'perpusd')).toEqual([
    'PAXG/USD',
    'GUSD/USD',
    'GUSD/SGD',
    'RLUSD/USD',
    'USDT/USD',
    'PERP/USD',
  ]);
  expect(
    listed('jitosolsol', 'efilfil', 'ethbtc', 'usdcrlusd', 'usdceur', 'BTCUSD', 'btcusd', 'xyzabc', 'usd'),
  ).toEqual(['JITOSOL/SOL', 'EFIL/FIL', 'ETH/BTC', 'USDC/RLUSD', 'USDC/EUR', 'BTC/USD']);
  expect(geminiRest.decodeInstruments(answer(['btcusd']))).toEqual({ kind: 'ok', value: [BTC] });
});

test('one request holds all prices; only what was asked for and has a price comes out', () => {
  expect(geminiRest.batchRequests([BTC, ETH])).toEqual([{ path: '/v1/pricefeed' }]);
  const rows = [
    { pair: 'BTCUSD', price: '64123.070', percentChange24h: '0.0123' },
    { pair: 'ETHUSD', price: '0', percentChange24h: '0' },
    { pair: 'BTCGUSDPERP', price: '64000' },
    { pair: 'SOLUSD', price: '150' },
    null,
    { price: '1' },
  ];
  expect(readPrices(geminiRest, answer(rows), [BTC, ETH])).toEqual({
    kind: 'ok',
    value: [{ asset: 'BTC', quote: 'USD', price: '64123.07' }],
  });
});

test('one market comes with its book; the end of the window of its volume is no time of a trade', () => {
  expect(geminiRest.oneRequest(BTC)).toEqual({ path: '/v1/pubticker/btcusd' });
  const body = {
    bid: '73367.96',
    ask: '73385.27',
    last: '73268.24',
    volume: { BTC: '3.5', USD: '259620.2', timestamp: 1710328245000 },
  };
  expect(readPrices(geminiRest, answer(body), [BTC])).toEqual({
    kind: 'ok',
    value: [{ asset: 'BTC', quote: 'USD', price: '73268.24', bid: '73367.96', ask: '73385.27' }],
  });
  expect(readPrices(geminiRest, answer({ ...body, bid: '0', last: '' }), [BTC])).toEqual({ kind: 'ok', value: [] });
  expect(readPrices(geminiRest, answer(body), [BTC, ETH])).toMatchObject({ kind: 'refused', cause: 'failed' });
});

test.each([
  ["'nopeusd' does not have available data yet", 404, 'unknown'],
  ['', 404, 'unknown'],
  [{ result: 'error', reason: 'InvalidSymbol', message: 'no' }, 404, 'unknown'],
  [{ result: 'error', reason: 'EndpointNotFound', message: 'no' }, 404, 'failed'],
  [{ result: 'error', reason: 'RateLimit', message: 'slow' }, 429, 'throttled'],
  ['<html>', 502, 'failed'],
  ['null', 200, 'failed'],
  ['"text"', 200, 'failed'],
])('%j with status %d is %s', (body, status, cause) => {
  expect(readPrices(geminiRest, answer(body, status), [BTC])).toMatchObject({ kind: 'refused', cause });
});

test.each([
  ['{}', 200],
  ['', 200],
  ['[]', 500],
])('a list of symbols cannot be read from %j with status %d', (body, status) => {
  expect(geminiRest.decodeInstruments(answer(body, status))).toMatchObject({ kind: 'refused', cause: 'failed' });
});
