import { expect, test } from 'vitest';
import { readPrices } from '../test/read-prices.ts';
import { bybitRest } from './rest.ts';

const BTC = { asset: 'BTC', quote: 'USDT', symbol: 'BTCUSDT' };
const ETH = { asset: 'ETH', quote: 'USDT', symbol: 'ETHUSDT' };
const answer = (body: unknown, status = 200) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: 0,
});
const listed = (list: unknown): object => ({
  retCode: 0,
  retMsg: 'OK',
  result: { category: 'spot', list },
  retExtInfo: {},
  time: 1_673_859_087_947,
});

test('instruments are the markets that trade or will again', () => {
  const row = { symbol: 'BTCUSDT', baseCoin: 'BTC', quoteCoin: 'USDT', innovation: '0', status: 'Trading' };
  const standing = { ...row, symbol: 'ETHUSDT', baseCoin: 'ETH', status: 'Suspended' };
  const none = ['Closed', 'PreLaunch', undefined].map((status) => ({ ...row, symbol: 'OLDUSDT', status }));
  const rows = [row, standing, ...none, { ...row, baseCoin: '' }, null, 'x'];
  expect(bybitRest.decodeInstruments(answer(listed(rows)))).toEqual({
    kind: 'ok',
    value: [BTC, { ...ETH, isHalted: true }],
  });
  expect(bybitRest.instrumentRequests).toEqual([{ path: '/v5/market/instruments-info?category=spot' }]);
});

test('one request holds all prices, another one of them', () => {
  expect(bybitRest.batchRequests([BTC, ETH])).toEqual([{ path: '/v5/market/tickers?category=spot' }]);
  expect(bybitRest.oneRequest(BTC)).toEqual({ path: '/v5/market/tickers?category=spot&symbol=BTCUSDT' });
  expect(bybitRest.oneRequest({ ...BTC, symbol: 'A&B' }).path).toContain('&symbol=A%26B');
});

test('prices are those of the markets asked for, with what of the book is there', () => {
  const row = {
    symbol: 'BTCUSDT',
    bid1Price: '20517.960',
    ask1Price: '20527.77',
    lastPrice: '20533.13',
    bid1Size: '2',
  };
  const rows = [
    row,
    { ...row, symbol: 'ETHUSDT', bid1Price: '', ask1Price: '0' },
    { ...row, symbol: 'SOLUSDT' },
    { symbol: 'BTCUSDT', lastPrice: '' },
    7,
  ];
  expect(readPrices(bybitRest, answer(listed(rows)), [BTC, ETH])).toEqual({
    kind: 'ok',
    value: [
      { asset: 'BTC', quote: 'USDT', price: '20533.13', bid: '20517.96', ask: '20527.77' },
      { asset: 'ETH', quote: 'USDT', price: '20533.13' },
    ],
  });
});

test.each([
  [200, { retCode: 10001, retMsg: 'Not supported symbols', result: {} }, 'unknown'],
  [200, { retCode: 10001, retMsg: 'Illegal category', result: {} }, 'failed'],
  [200, { retCode: 10006, retMsg: 'Too many visits. Exceeded the API Rate Limit.' }, 'throttled'],
  [403, { retCode: 10006, retMsg: 'Too many visits!' }, 'throttled'],
  [429, 'slow down', 'throttled'],
  [200, { retCode: 10016, retMsg: 'Server error.' }, 'failed'],
  [502, '<html>', 'failed'],
  [200, '', 'failed'],
  [200, { retCode: 0, result: {} }, 'failed'],
  [200, { retCode: '0', result: { list: [] } }, 'failed'],
])('status %d with %j is %s', (status, body, cause) => {
  for (const decoded of [
    readPrices(bybitRest, answer(body, status), [BTC]),
    bybitRest.decodeInstruments(answer(body, status)),
  ]) {
    expect(decoded).toMatchObject({ kind: 'refused', cause });
    expect(decoded).not.toHaveProperty('retryAfterMs');
  }
});

test('an address that is shut out stays away for as long as the venue says', () => {
  expect(readPrices(bybitRest, answer('Forbidden', 403), [BTC])).toEqual({
    kind: 'refused',
    reason: 'HTTP status 403',
    cause: 'throttled',
    retryAfterMs: 600_000,
  });
});
