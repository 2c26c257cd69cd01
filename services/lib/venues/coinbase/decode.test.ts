import { expect, test } from 'vitest';
import { coinbase } from './coinbase.ts';

const decode = (frame: unknown): unknown =>
  coinbase.decode(typeof frame === 'string' ? frame : JSON.stringify(frame))[0];

const TICKER = {
  type: 'ticker',
  sequence: 137212619516,
  product_id: 'BTC-USD',
  price: '84737.580',
  best_bid: '84737.58',
  best_ask: '84737.59',
  side: 'sell',
  time: '2026-10-03T20:58:31.127510Z',
  trade_id: 1102042811,
  last_size: '0.00000025',
};

test('a ticker keeps every digit, without padding', () => {
  expect(decode(TICKER)).toEqual({
    kind: 'ticker',
    symbol: 'BTC-USD',
    asset: 'BTC',
    quote: 'USD',
    price: '84737.58',
    bid: '84737.58',
    ask: '84737.59',
    tradeTime: '2026-10-03T20:58:31.127510Z',
    tradeId: '1102042811',
    sequence: 137212619516,
  });
});

test('empty, zero and unreadable values are absent', () => {
  expect(
    decode({ ...TICKER, best_bid: '', best_ask: '0', time: '0001-01-01T00:00:00.000000Z', trade_id: 2 ** 53 }),
  ).toEqual({
    kind: 'ticker',
    symbol: 'BTC-USD',
    asset: 'BTC',
    quote: 'USD',
    price: '84737.58',
    sequence: 137212619516,
  });
});

test.each(['', '0', '0.00', '0.-10000', 'null', '-1', '1e400', null, 84737.58, {}])(
  'a ticker with the price %j has the book alone',
  (price) => {
    expect(decode({ ...TICKER, price })).toEqual({
      kind: 'quote',
      symbol: 'BTC-USD',
      asset: 'BTC',
      quote: 'USD',
      bid: '84737.58',
      ask: '84737.59',
      venueTime: '2026-10-03T20:58:31.127510Z',
    });
  },
);

test('a match is a trade by the taker, who is on the other side', () => {
  const match = {
    type: 'match',
    trade_id: 216544,
    side: 'buy',
    size: '0.97133855',
    price: '4.97800000',
    product_id: 'ETC-GBP',
    time: '2019-08-01T00:00:03.816000Z',
  };
  const trade = {
    symbol: 'ETC-GBP',
    asset: 'ETC',
    quote: 'GBP',
    price: '4.978',
    size: '0.97133855',
    side: 'sell',
    tradeTime: '2019-08-01T00:00:03.816000Z',
    tradeId: '216544',
  };
  expect(decode(match)).toEqual({ kind: 'trade', ...trade });
  expect(decode({ ...match, type: 'last_match', side: 'sell' })).toEqual({ kind: 'past-trade', ...trade, side: 'buy' });
  expect(decode({ ...match, price: '0' })).toMatchObject({ kind: 'ignored' });
});

test('a heartbeat names the newest trade of its product', () => {
  expect(decode({ type: 'heartbeat', sequence: 90, last_trade_id: 20, product_id: 'BTC-USD', time: '' })).toEqual({
    kind: 'heartbeat',
    symbol: 'BTC-USD',
    lastTradeId: '20',
  });
});

test('an ack lists everything whose ticker is subscribed', () => {
  const channels = [
    { name: 'heartbeat', product_ids: ['ETH-USD'] },
    { name: 'ticker', product_ids: ['BTC-USD', 'ETH-USD'], account_ids: null },
  ];
  expect(decode({ type: 'subscriptions', channels })).toEqual({
    kind: 'subscribed',
    symbols: ['BTC-USD', 'ETH-USD'],
    complete: true,
  });
  expect(decode({ type: 'subscriptions', channels: [] })).toMatchObject({ symbols: [], complete: true });
});

test('a refused subscription names its products, if the venue does', () => {
  const error = (reason?: string): unknown => decode({ type: 'error', message: 'Failed to subscribe', reason });
  expect(error('ETH-FOO is not a valid product')).toEqual({
    kind: 'rejected',
    symbols: ['ETH-FOO'],
    reason: 'Failed to subscribe: ETH-FOO is not a valid product',
  });
  expect(error('FOO-USD, 1INCH-BAR and FOO-USD are not valid products')).toMatchObject({
    symbols: ['FOO-USD', '1INCH-BAR'],
  });
  expect(error('an unheard-of reason')).toMatchObject({ kind: 'rejected', symbols: [] });
  expect(error('level2, level3, and full channels now require authentication.')).toMatchObject({ kind: 'error' });
  expect(error()).toEqual({ kind: 'rejected', symbols: [], reason: 'Failed to subscribe' });
  expect(decode({ type: 'error', message: 'Malformed JSON' })).toEqual({ kind: 'error', reason: 'Malformed JSON' });
  expect(decode({ type: 'error' })).toEqual({ kind: 'error', reason: 'error without a message' });
});

test('status names the products that match nothing', () => {
  const product = (id: string, change: object = {}): object => ({
    id,
    status: 'online',
    cancel_only: false,
    ...change,
  });
  const products = [
    product('BTC-USD'),
    product('ETH-USD', { cancel_only: true }),
    product('LTC-USD', { post_only: true }),
    product('XRP-USD', { limit_only: true }),
    product('OLD-USD', { status: 'delisted' }),
  ];
  expect(decode({ type: 'status', products, currencies: [] })).toEqual({
    kind: 'status',
    state: 'online',
    message: '2 of 5 products online',
    haltedSymbols: ['ETH-USD', 'LTC-USD', 'OLD-USD'],
    toldSymbols: ['BTC-USD', 'ETH-USD', 'LTC-USD', 'XRP-USD', 'OLD-USD'],
  });
  for (const none of [undefined, [], [7, { status: 'offline' }]])
    expect(decode({ type: 'status', products: none })).toMatchObject({ kind: 'ignored' });
});

test.each([
  ['', 'empty frame'],
  [' \t', 'empty frame'],
  ['hello', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['[1,2]', 'not a JSON object'],
  ['"ticker"', 'not a JSON object'],
  ['{"type":"ticker"', 'not a JSON object'],
  ['{}', 'no "type"'],
  ['{"type":"l2update","product_id":"BTC-EUR"}', 'type "l2update" is not used'],
  ['{"type":7}', 'type "number" is not used'],
  ['{"type":"ticker","price":"1"}', '"ticker" without a readable product_id'],
  ['{"type":"heartbeat","product_id":"BTCUSD"}', '"heartbeat" without a readable product_id'],
  ['{"channel":"ticker","events":[]}', 'another protocol: channel "ticker"'],
])('%j is ignored: %s', (frame, why) => {
  expect(coinbase.decode(frame)).toEqual([{ kind: 'ignored', why }]);
});

test('subscribes to prices, proof of life and halts in one frame', () => {
  expect(coinbase.subscribeFrames(['BTC-USD', 'ETH-USD'], 7, 0).map((frame) => JSON.parse(frame) as unknown)).toEqual([
    { type: 'subscribe', product_ids: ['BTC-USD', 'ETH-USD'], channels: ['ticker', 'heartbeat', 'status'] },
  ]);
});
