import { expect, test } from 'vitest';
import type { RestResponse } from '../venue-rest.ts';
import { readPrices } from '../test/read-prices.ts';
import { coinbaseRest } from './rest.ts';

const BTC = { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' };
const ETH = { asset: 'ETH', quote: 'USD', symbol: 'ETH-USD' };
const answer = (body: unknown, status = 200): RestResponse => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: 0,
});

test('instruments are the products that are or will again be traded, whatever of the list is unreadable', () => {
  const row = { id: 'BTC-USD', base_currency: 'BTC', quote_currency: 'USD', status: 'online', limit_only: true };
  const rows = [
    row,
    { ...row, id: 'OLD-USD', base_currency: 'OLD', status: 'delisted' },
    { ...row, id: 'ETH-USD', base_currency: 'ETH', status: 'offline', trading_disabled: true },
    { ...row, id: 'SOL-USD', base_currency: 'SOL', post_only: true },
    { ...row, id: 'INT-USD', base_currency: 'INT', status: 'internal' },
    { ...row, status: undefined },
    { ...row, id: '' },
    { ...row, base_currency: 7 },
    null,
    'x',
  ];
  const standing = ['ETH', 'SOL'].map((asset) => ({ asset, quote: 'USD', symbol: `${asset}-USD`, isHalted: true }));
  expect(coinbaseRest.decodeInstruments(answer(rows))).toEqual({ kind: 'ok', value: [BTC, ...standing] });
  expect(coinbaseRest.instrumentRequests).toEqual([{ path: '/products' }]);
});

test('one request holds the last prices of all products, another one all of one', () => {
  expect(coinbaseRest.batchRequests([BTC, ETH])).toEqual([{ path: '/products/stats' }]);
  expect(coinbaseRest.oneRequest(BTC)).toEqual({ path: '/products/BTC-USD/ticker' });
  expect(coinbaseRest.oneRequest({ ...BTC, symbol: 'A/../B' }).path).toBe('/products/A%2F..%2FB/ticker');
});

test('stats hold last prices alone, of the markets asked for that have traded', () => {
  const stats = (last: unknown): object => ({ stats_30day: { volume: '1' }, stats_24hour: { open: '1', last } });
  const body = {
    'ETH-USD': stats('0.07260'),
    'BTC-USD': stats('64123.07'),
    'SOL-USD': stats('1'),
    'NEW-USD': stats(''),
  };
  const wanted = [BTC, ETH, { asset: 'NEW', quote: 'USD', symbol: 'NEW-USD' }, { ...BTC, symbol: 'constructor' }];
  expect(readPrices(coinbaseRest, answer(body), wanted)).toEqual({
    kind: 'ok',
    value: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '0.0726' },
    ],
  });
  expect(readPrices(coinbaseRest, answer({}), wanted)).toEqual({ kind: 'ok', value: [] });
});

test('a ticker has book and time, each left out when it says nothing', () => {
  const ticker = { ask: '73369.19', bid: '73360.34', trade_id: 18_502_105, price: '73367.80' };
  expect(readPrices(coinbaseRest, answer({ ...ticker, time: '2024-03-13T11:10:41.270099Z' }), [BTC])).toEqual({
    kind: 'ok',
    value: [
      {
        asset: 'BTC',
        quote: 'USD',
        price: '73367.8',
        bid: '73360.34',
        ask: '73369.19',
        tradeTime: '2024-03-13T11:10:41.270099Z',
      },
    ],
  });
  expect(
    readPrices(coinbaseRest, answer({ price: '1', bid: '0', ask: '', time: '0001-01-01T00:00:00Z' }), [BTC]),
  ).toEqual({
    kind: 'ok',
    value: [{ asset: 'BTC', quote: 'USD', price: '1' }],
  });
});

test('a ticker that could be of any of several markets, or has no price, is none', () => {
  for (const wanted of [[BTC, ETH], []]) {
    expect(readPrices(coinbaseRest, answer({ price: '1' }), wanted)).toMatchObject({
      kind: 'refused',
      cause: 'failed',
    });
  }
  for (const price of ['0', '', null, 7, 'NaN', '-1']) {
    expect(readPrices(coinbaseRest, answer({ price }), [BTC])).toMatchObject({ kind: 'refused', cause: 'failed' });
  }
});

test.each([
  [404, { message: 'NotFound' }, 'unknown'],
  [404, { message: 'Route not found' }, 'failed'],
  [404, '<html>', 'failed'],
  [429, { message: 'Public rate limit exceeded' }, 'throttled'],
  [429, '', 'throttled'],
  [500, { message: 'Internal server error' }, 'failed'],
  [200, '', 'failed'],
  [200, '{"BTC-USD":', 'failed'],
  [200, 'null', 'failed'],
])('status %d with %j is %s', (status, body, cause) => {
  expect(readPrices(coinbaseRest, answer(body, status), [BTC])).toMatchObject({ kind: 'refused', cause });
  expect(coinbaseRest.decodeInstruments(answer(body, status))).toMatchObject({ kind: 'refused', cause });
});
