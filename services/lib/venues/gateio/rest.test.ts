import { expect, test } from 'vitest';
import type { Instrument } from '../venue-rest.ts';
import { readPrices } from '../test/read-prices.ts';
import { gateioRest } from './rest.ts';

const answer = (body: unknown, status = 200) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: 0,
});
const BTC: Instrument = { asset: 'BTC', quote: 'USDT', symbol: 'BTC_USDT' };
const ETH: Instrument = { asset: 'ETH', quote: 'USDT', symbol: 'ETH_USDT' };

test('pairs are listed by the venue; one that nobody can trade and that is not said to stay is none', () => {
  expect(gateioRest.instrumentRequests).toEqual([{ path: '/spot/currency_pairs' }]);
  const rows = [
    { id: 'BTC_USDT', base: 'BTC', quote: 'USDT', trade_status: 'tradable' },
    { id: 'NEW_USDT', base: 'NEW', quote: 'USDT', trade_status: 'buyable' },
    { id: 'SAL_USDT', base: 'SAL', quote: 'USDT', trade_status: 'untradable' },
    { id: 'OLD_USDT', base: 'OLD', quote: 'USDT', trade_status: 'untradable', delisting_time: 1_700_000_000 },
    { id: 'ETH_USDT', base: 'ETH', quote: 'USDT', trade_status: 'untradable', delisting_time: 0 },
    { id: 'ODD', base: '', quote: 'USDT' },
    null,
  ];
  expect(gateioRest.decodeInstruments(answer(rows))).toEqual({
    kind: 'ok',
    value: [BTC, { asset: 'NEW', quote: 'USDT', symbol: 'NEW_USDT' }, { ...ETH, isHalted: true }],
  });
});

test('all prices and one price are answered alike', () => {
  expect(gateioRest.batchRequests([BTC])).toEqual([{ path: '/spot/tickers' }]);
  expect(gateioRest.oneRequest(BTC)).toEqual({ path: '/spot/tickers?currency_pair=BTC_USDT' });
  const rows = [
    { currency_pair: 'BTC_USDT', last: '86695.30', lowest_ask: '86691.6', highest_bid: '86690' },
    { currency_pair: 'ETH_USDT', last: '', lowest_ask: '1', highest_bid: '1' },
    { currency_pair: 'SOL_USDT', last: '150' },
    7,
  ];
  const btc = { asset: 'BTC', quote: 'USDT', price: '86695.3' };
  expect(readPrices(gateioRest, answer(rows), [BTC, ETH])).toEqual({
    kind: 'ok',
    value: [{ ...btc, bid: '86690', ask: '86691.6' }],
  });
  expect(
    readPrices(gateioRest, answer([{ currency_pair: 'BTC_USDT', last: '86695.3', lowest_ask: '0' }]), [BTC]),
  ).toEqual({ kind: 'ok', value: [btc] });
});

test.each([
  [{ label: 'INVALID_CURRENCY_PAIR', message: 'Invalid currency pair NOPE_USDT' }, 400, 'unknown'],
  [{ label: 'INVALID_CURRENCY', message: 'Invalid currency NOPE' }, 400, 'unknown'],
  [{ label: 'TOO_MANY_REQUESTS', message: 'Request Rate limit Exceeded' }, 429, 'throttled'],
  ['', 429, 'throttled'],
  [{ label: 'SERVER_ERROR' }, 500, 'failed'],
  ['<html>', 502, 'failed'],
  [{}, 200, 'failed'],
])('%j with status %d is %s', (body, status, cause) => {
  expect(readPrices(gateioRest, answer(body, status), [BTC])).toMatchObject({ kind: 'refused', cause });
  expect(gateioRest.decodeInstruments(answer(body, status))).toMatchObject({ kind: 'refused', cause });
});
