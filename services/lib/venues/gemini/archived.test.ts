import { expect, test } from 'vitest';
import { gemini } from './gemini.ts';

const archived = gemini.at?.('wss://api.gemini.com/v2/marketdata');
if (archived === undefined) throw new Error('the archived protocol is gone');
const decode = (frame: unknown): unknown => archived.decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
const TRADE = {
  type: 'trade',
  symbol: 'BTCUSD',
  event_id: 8280715334,
  timestamp: 1569888020080,
  price: '8325.00',
  quantity: '0.1',
  side: 'buy',
};
const BTC = { symbol: 'btcusd', asset: 'BTC', quote: 'USD' };
const DECODED = {
  ...BTC,
  price: '8325',
  size: '0.1',
  side: 'buy',
  tradeTime: '2019-10-01T00:00:20.080Z',
  tradeId: '8280715334',
};

test('an address tells which protocol is spoken', () => {
  expect(gemini.at?.('wss://api.gemini.com/v2/marketdata/')).toBe(archived);
  expect(archived).toMatchObject({ id: 'gemini', settlement: 'USD', rest: gemini.rest });
  for (const url of ['wss://ws.gemini.com', 'wss://ws.gemini.com?snapshot=-1', 'ws://127.0.0.1:9', 'no address'])
    expect(gemini.at?.(url)).toBeUndefined();
});

test('a trade is told with the symbol as the list of markets has it', () => {
  expect(decode(TRADE)).toEqual([{ kind: 'trade', ...DECODED }]);
  expect(decode({ ...TRADE, side: 'sell' })).toMatchObject([{ side: 'sell' }]);
  expect(decode({ ...TRADE, timestamp: 0 })).not.toMatchObject([{ tradeTime: expect.anything() as unknown }]);
});

test('a block trade is no price of the market', () => {
  expect(decode({ ...TRADE, side: 'block' })).toEqual([{ kind: 'ignored', why: 'block trades are not used' }]);
});

test.each([{ price: '0' }, { price: 8325 }, { quantity: '' }, { side: 'auction' }])(
  'a trade with %j is none',
  (change) => {
    expect(decode({ ...TRADE, ...change })).toEqual([
      { kind: 'ignored', why: 'trade of btcusd without price, quantity or side' },
    ]);
  },
);

test('the first book confirms its symbol and holds the last price, whatever the order of its trades', () => {
  const { symbol: _symbol, ...trade } = TRADE;
  const older = { ...trade, timestamp: 1569888019000, price: '8000' };
  const frame = {
    type: 'l2_updates',
    symbol: 'BTCUSD',
    changes: [['buy', '8324.00', '1']],
    trades: [older, trade, { ...trade, side: 'block', timestamp: 1569888029999, price: '1' }, older, null],
    auction_events: [],
  };
  const past = { kind: 'past-trade', ...DECODED };
  const past2 = { ...past, price: '8000', tradeTime: '2019-10-01T00:00:19.000Z' };
  expect(decode(frame)).toEqual([
    { kind: 'subscribed', symbols: ['btcusd'], complete: false },
    { kind: 'ticker', ...BTC, price: '8325', tradeTime: DECODED.tradeTime, tradeId: DECODED.tradeId },
    past2,
    past,
    { kind: 'ignored', why: 'block trades are not used' },
    past2,
    { kind: 'ignored', why: 'a trade that is no object' },
  ]);
  expect(decode({ ...frame, trades: [] })).toEqual([{ kind: 'subscribed', symbols: ['btcusd'], complete: false }]);
});

test.each([
  [{ type: 'l2_updates', symbol: 'BTCUSD', changes: [['buy', '1', '1']] }, 'changes of the book are not used'],
  [{ type: 'l2_updates', symbol: '?', trades: [] }, '"l2_updates" without a readable symbol'],
  [{ type: 'trade', price: '1' }, 'trade without a readable symbol'],
  [{ type: 'mark_price_updates', symbol: 'BTCGUSDPERP' }, 'type "mark_price_updates" is not used'],
  [{ s: 'btcusd' }, 'no "type"'],
  ['', 'empty frame'],
])('%j is ignored: %s', (frame, why) => {
  expect(decode(frame)).toEqual([{ kind: 'ignored', why }]);
});

test('a heartbeat is one of the connection, an error is about the request', () => {
  expect(decode({ type: 'heartbeat', timestamp: 1624493666869 })).toEqual([{ kind: 'heartbeat' }]);
  expect(decode({ result: 'error', reason: 'NoValidTradingPairs' })).toEqual([
    { kind: 'rejected', symbols: [], reason: 'NoValidTradingPairs' },
  ]);
  expect(decode({ result: 'error', reason: 'Rate limit' })).toEqual([{ kind: 'error', reason: 'Rate limit' }]);
});

test('asks in upper case, the only one it knows', () => {
  expect(archived.subscribeFrames(['btcusd', 'ethusd'], 1, 0)).toEqual([
    '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD","ETHUSD"]}]}',
  ]);
});
