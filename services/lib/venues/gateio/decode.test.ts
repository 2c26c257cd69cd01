import { expect, test } from 'vitest';
import { gateio } from './gateio.ts';

const decode = (frame: unknown): unknown => {
  const events = gateio.decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
  expect(events).toHaveLength(1);
  return events[0];
};
const BTC = { symbol: 'BTC_USDT', asset: 'BTC', quote: 'USDT' };
const RESULT = {
  currency_pair: 'BTC_USDT',
  last: '116762.10',
  lowest_ask: '116762',
  highest_bid: '116761.9',
  change_percentage: '0.2899',
  base_volume: '8059.288476',
};
const TICKER = {
  time: 1754676198,
  time_ms: 1754676198909,
  channel: 'spot.tickers',
  event: 'update',
  result: RESULT,
};

test('a ticker has the time of its frame, and a last price that may lie outside of its book', () => {
  expect(decode(TICKER)).toEqual({
    kind: 'ticker',
    ...BTC,
    price: '116762.1',
    bid: '116761.9',
    ask: '116762',
    venueTime: '2025-08-08T18:03:18.909Z',
  });
});

test('frames of before 2022 have whole seconds only', () => {
  const { time_ms: _timeMs, ...old } = TICKER;
  expect(decode(old)).toMatchObject({ venueTime: '2025-08-08T18:03:18.000Z' });
  expect(decode({ ...old, time: 0 })).not.toHaveProperty('venueTime');
});

test('empty, zero and unreadable values are absent', () => {
  const change = (fields: object): unknown =>
    decode({ ...TICKER, time_ms: 0, time: 0, result: { ...RESULT, ...fields } });
  expect(change({ lowest_ask: '', highest_bid: '0' })).toEqual({ kind: 'ticker', ...BTC, price: '116762.1' });
  expect(change({ last: '0.000' })).toEqual({ kind: 'quote', ...BTC, bid: '116761.9', ask: '116762' });
  expect(change({ last: 116762, lowest_ask: null, highest_bid: '-1' })).toEqual({ kind: 'quote', ...BTC });
});

test('a book ticker has a time and an order of its own', () => {
  const result = { t: 1682689046131, u: 517377894, s: 'ETC_ETH', b: '0.010326', B: '0.001', a: '0.010366', A: '10' };
  const frame = { time: 1682689046, time_ms: 1682689046142, channel: 'spot.book_ticker', event: 'update', result };
  expect(decode(frame)).toEqual({
    kind: 'quote',
    symbol: 'ETC_ETH',
    asset: 'ETC',
    quote: 'ETH',
    bid: '0.010326',
    ask: '0.010366',
    venueTime: '2023-04-28T13:37:26.131Z',
    sequence: 517377894,
  });
  expect(decode({ ...frame, result: { s: 'ETC_ETH', b: '', a: '0', t: 0 } })).toEqual({
    kind: 'quote',
    symbol: 'ETC_ETH',
    asset: 'ETC',
    quote: 'ETH',
  });
});

test('a trade has milliseconds with a fraction', () => {
  const result = {
    id: 5541729598,
    create_time: 1682689046,
    create_time_ms: '1682689046123.0',
    side: 'buy',
    currency_pair: 'TLOS_BTC',
    amount: '89.2380',
    price: '0.00000644',
  };
  const frame = { time: 1682689046, channel: 'spot.trades', event: 'update', result };
  const trade = {
    kind: 'trade',
    symbol: 'TLOS_BTC',
    asset: 'TLOS',
    quote: 'BTC',
    price: '0.00000644',
    size: '89.238',
    side: 'buy',
    tradeTime: '2023-04-28T13:37:26.123Z',
    tradeId: '5541729598',
  };
  expect(decode(frame)).toEqual(trade);
  expect(decode({ ...frame, result: { ...result, create_time_ms: '1682689046123.4578', side: 'sell' } })).toEqual({
    ...trade,
    side: 'sell',
  });
  const { create_time_ms: _createTimeMs, ...old } = result;
  expect(decode({ ...frame, result: old })).toMatchObject({ tradeTime: '2023-04-28T13:37:26.000Z' });
  for (const change of [{ price: '0' }, { amount: '' }, { side: 'block' }])
    expect(decode({ ...frame, result: { ...result, ...change } })).toEqual({
      kind: 'ignored',
      why: 'trade of TLOS_BTC without price, amount or side',
    });
});

const ACK = { time: 1, time_ms: 1754006400138, channel: 'spot.tickers', event: 'subscribe', requestId: '06a3' };

test.each([{}, { error: null }])('a granted request repeats its pairs and its id (%j)', (more) => {
  const result = { status: 'success' };
  expect(decode({ ...ACK, ...more, id: 7, payload: ['BTC_USDT'], result })).toEqual({
    kind: 'subscribed',
    symbols: ['BTC_USDT'],
    complete: false,
    requestId: 7,
  });
  // Without the pairs the request says which they are; before there were ids, nothing did.
  expect(decode({ ...ACK, ...more, id: 7, result })).toMatchObject({ symbols: [], requestId: 7 });
  expect(decode({ ...ACK, ...more, result })).toEqual({ kind: 'subscribed', symbols: [], complete: false });
  expect(decode({ ...ACK, ...more, channel: 'spot.trades', result })).toEqual({
    kind: 'ignored',
    why: 'answer for channel "spot.trades" is not used',
  });
});

test('a refused request is blamed on the pair that it names, on its only pair, or on itself', () => {
  const refused = (message: string, payload: readonly string[], code = 2): unknown =>
    decode({ ...ACK, id: 7, payload, error: { code, message }, result: { status: 'fail' } });
  const named = { kind: 'rejected', symbols: ['NOPE_USDT'], requestId: 7 };
  expect(refused('unknown currency pair: NOPE_USDT', ['BTC_USDT', 'NOPE_USDT'])).toEqual({
    ...named,
    reason: 'unknown currency pair: NOPE_USDT (2)',
  });
  expect(refused('Invalid argument provided', ['NOPE_USDT'])).toMatchObject(named);
  expect(refused('Invalid argument provided', ['BTC_USDT', 'NOPE_USDT'])).toMatchObject({ ...named, symbols: [] });
  expect(refused('unknown currency pair: OTHER_USDT', ['BTC_USDT', 'NOPE_USDT'])).toMatchObject({ symbols: [] });
  expect(refused('unknown currency pair NOPE_USDT', [])).toMatchObject(named);
  expect(refused('Unknown channel spot.nope', ['BTC_USDT', 'ETH_USDT'])).toMatchObject({ kind: 'error' });
  expect(refused('Server side error happened', ['BTC_USDT'], 3)).toEqual({
    kind: 'error',
    reason: 'Server side error happened (3)',
  });
  expect(decode({ ...ACK, id: 7, result: { status: 'fail' } })).toMatchObject({ ...named, symbols: [] });
});

test('a pong, with and without an error of null', () => {
  const pong = { time: 1790134410, time_ms: 1790134410515, channel: 'spot.pong', event: '', result: null };
  expect(decode(pong)).toEqual({ kind: 'pong' });
  expect(decode({ ...pong, error: null })).toEqual({ kind: 'pong' });
});

test.each([
  ['', 'empty frame'],
  ['hello', 'not a JSON object'],
  ['{}', 'no "channel"'],
  [
    { method: 'ticker.update', params: ['CVC_USDT', { last: '0.02' }], id: null },
    'version 3 of the protocol: method "ticker.update"',
  ],
  [{ ...TICKER, channel: 'spot.candlesticks' }, 'channel "spot.candlesticks" is not used'],
  [{ ...TICKER, event: 'all' }, 'event "all" of channel "spot.tickers" is not used'],
  [{ ...TICKER, result: null }, 'ticker without a readable currency_pair'],
  [{ ...TICKER, result: { ...RESULT, currency_pair: 'BTCUSDT' } }, 'ticker without a readable currency_pair'],
  [{ ...TICKER, channel: 'spot.trades', result: {} }, 'trade without a readable currency_pair'],
  [{ ...TICKER, channel: 'spot.book_ticker' }, 'book ticker without a readable pair'],
])('%j is ignored: %s', (frame, why) => {
  expect(decode(frame)).toEqual({ kind: 'ignored', why });
});

test('Gate US is another market of the same protocol, in dollars', () => {
  const us = gateio.at?.('wss://ws.gate.us/v4/');
  expect(us).toMatchObject({ id: 'gateio', settlement: 'USD', defaultRestUrl: 'https://api.gate.us/api/v4' });
  for (const url of ['wss://api.gateio.ws/ws/v4/', 'wss://gate.us.example/v4/', 'no address'])
    expect(gateio.at?.(url)).toBeUndefined();
});

test('asks with the time, which the venue checks, and an id, which it repeats', () => {
  expect(gateio.subscribeFrames(['BTC_USDT', 'ETH_USDT'], 7, 1_790_134_410_999)).toEqual([
    '{"time":1790134410,"id":7,"channel":"spot.tickers","event":"subscribe","payload":["BTC_USDT","ETH_USDT"]}',
  ]);
  expect(gateio.pingFrame?.(8, 1_790_134_410_999)).toBe('{"time":1790134410,"channel":"spot.ping"}');
});
