import { expect, test } from 'vitest';
import { readPrices } from '../test/read-prices.ts';
import { okxRest } from './rest.ts';

const BTC = { asset: 'BTC', quote: 'USDT', symbol: 'BTC-USDT' };
const ETH = { asset: 'ETH', quote: 'USDT', symbol: 'ETH-USDT' };
const answer = (body: unknown, status = 200) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: 0,
});
const listed = (data: unknown): object => ({ code: '0', msg: '', data });

test('instruments are the spot markets that are live or stand still for a while', () => {
  const row = { instId: 'BTC-USDT', instType: 'SPOT', baseCcy: 'BTC', quoteCcy: 'USDT', state: 'live' };
  const standing = { ...row, instId: 'ETH-USDT', baseCcy: 'ETH', state: 'suspend' };
  const none = ['preopen', 'test', undefined].map((state) => ({ ...row, state }));
  const rows = [row, standing, ...none, { ...row, instType: 'SWAP' }, { ...row, quoteCcy: '' }, null];
  expect(okxRest.decodeInstruments(answer(listed(rows)))).toEqual({
    kind: 'ok',
    value: [BTC, { ...ETH, isHalted: true }],
  });
  expect(okxRest.instrumentRequests).toEqual([{ path: '/api/v5/public/instruments?instType=SPOT' }]);
});

test('one request holds all prices, another one of them', () => {
  expect(okxRest.batchRequests([BTC, ETH])).toEqual([{ path: '/api/v5/market/tickers?instType=SPOT' }]);
  expect(okxRest.oneRequest(BTC)).toEqual({ path: '/api/v5/market/ticker?instId=BTC-USDT' });
  expect(okxRest.oneRequest({ ...BTC, symbol: 'A&B' }).path).toContain('?instId=A%26B');
});

test('prices are those of the markets asked for, with time and what of the book is there', () => {
  const row = { instId: 'BTC-USDT', last: '9999.990', bidPx: '8888.88', askPx: '9999.99', ts: '1639999318686' };
  const rows = [
    row,
    { ...row, instId: 'ETH-USDT', bidPx: '', askPx: '0', ts: '' },
    { ...row, instId: 'SOL-USDT' },
    { instId: 'BTC-USDT', last: '' },
    7,
  ];
  expect(readPrices(okxRest, answer(listed(rows)), [BTC, ETH])).toEqual({
    kind: 'ok',
    value: [
      {
        asset: 'BTC',
        quote: 'USDT',
        price: '9999.99',
        bid: '8888.88',
        ask: '9999.99',
      },
      { asset: 'ETH', quote: 'USDT', price: '9999.99' },
    ],
  });
});

test.each([
  [200, { code: '51001', msg: "Instrument ID or Spread ID doesn't exist.", data: [] }, 'unknown'],
  [200, { code: '50011', msg: 'Rate limit reached. Please try again later.' }, 'throttled'],
  [429, { code: '50011', msg: 'Too Many Requests' }, 'throttled'],
  [429, '', 'throttled'],
  [200, { code: '50001', msg: 'Service temporarily unavailable.' }, 'failed'],
  [503, '<html>', 'failed'],
  [200, '', 'failed'],
  [200, { code: '0', msg: '' }, 'failed'],
  [200, { code: 0, data: [] }, 'failed'],
])('status %d with %j is %s', (status, body, cause) => {
  for (const decoded of [
    readPrices(okxRest, answer(body, status), [BTC]),
    okxRest.decodeInstruments(answer(body, status)),
  ]) {
    expect(decoded).toMatchObject({ kind: 'refused', cause });
  }
});
