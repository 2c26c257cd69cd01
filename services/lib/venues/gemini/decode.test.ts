import { expect, test } from 'vitest';
import { gemini } from './gemini.ts';

const decode = (frame: unknown): unknown => {
  const events = gemini.decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
  expect(events).toHaveLength(1);
  return events[0];
};
const XRP = { symbol: 'xrpgusd', asset: 'XRP', quote: 'GUSD' };
const BOOK =
  '{"u":1764549594389752,"E":1783981140076872200,"s":"xrpgusd","b":"1.0614900","B":"958.69148000","a":"1.0615000",' +
  '"A":"38.39060000","c":"1.0612500","C":"4.71027100"}';

test('a book ticker holds the last price, without padding, and a time above 2^53', () => {
  expect(decode(BOOK)).toEqual({
    kind: 'ticker',
    ...XRP,
    price: '1.06125',
    bid: '1.06149',
    ask: '1.0615',
    venueTime: '2026-07-13T22:19:00.076Z',
    sequence: 1764549594389752,
  });
});

test('before the first trade a book ticker is the book alone', () => {
  expect(decode(BOOK.replace(/,"c".*"C":"[\d.]*"/, ''))).toEqual({
    kind: 'quote',
    ...XRP,
    bid: '1.06149',
    ask: '1.0615',
    venueTime: '2026-07-13T22:19:00.076Z',
    sequence: 1764549594389752,
  });
});

test('a side without orders is absent, be it empty, zero or not there; nothing but the symbol is legal', () => {
  const book = { u: 7, E: 1783981140076872200, s: 'btcusd', b: '', B: '', a: '0.00', A: '0', c: '64123.070' };
  const btc = { symbol: 'btcusd', asset: 'BTC', quote: 'USD', venueTime: '2026-07-13T22:19:00.076Z', sequence: 7 };
  expect(decode(book)).toEqual({ kind: 'ticker', ...btc, price: '64123.07' });
  expect(decode({ ...book, c: '' })).toEqual({ kind: 'quote', ...btc });
  expect(decode({ ...book, b: '64123.00', c: null })).toEqual({ kind: 'quote', ...btc, bid: '64123' });
  expect(decode({ u: 7, E: 1783981140076872200, s: 'btcusd' })).toEqual({ kind: 'quote', ...btc });
});

test.each([0, -1, '1783981140076872200', null, 1e40])('the time %j is none', (E) => {
  expect(decode({ u: 7, E, s: 'btcusd', c: '1' })).not.toHaveProperty('venueTime');
});

test('a sequence that did not arrive exactly is none', () => {
  expect(decode('{"u":9007199254740993,"s":"btcusd","c":"1.5"}')).toEqual({
    kind: 'ticker',
    symbol: 'btcusd',
    asset: 'BTC',
    quote: 'USD',
    price: '1.5',
  });
});

test('a trade is by the taker, who sells when the buyer is the maker', () => {
  const trade = {
    E: 1783981140085684200,
    s: 'btcrlusd',
    t: 2840141014190422,
    p: '62145.38000',
    q: '0.0162522200',
    m: true,
  };
  expect(decode(trade)).toEqual({
    kind: 'trade',
    symbol: 'btcrlusd',
    asset: 'BTC',
    quote: 'RLUSD',
    price: '62145.38',
    size: '0.01625222',
    side: 'sell',
    tradeTime: '2026-07-13T22:19:00.085Z',
    tradeId: '2840141014190422',
  });
  expect(decode({ ...trade, m: false })).toMatchObject({ side: 'buy' });
  for (const change of [{ p: '0' }, { q: '' }, { m: 'yes' }])
    expect(decode({ ...trade, ...change })).toEqual({
      kind: 'ignored',
      why: 'trade of btcrlusd without price, quantity or side',
    });
});

test('an answer confirms all that its request named', () => {
  const answer = { kind: 'subscribed', symbols: [], complete: false, requestId: 7 };
  expect(decode({ id: 7, status: 200 })).toEqual(answer);
  expect(decode({ id: '7', status: 200 })).toEqual(answer);
});

test('answers to pings and lists are none to a subscription, though they look alike', () => {
  const idOf = (frame = ''): unknown => (JSON.parse(frame) as { readonly id: unknown }).id;
  expect(decode({ id: idOf(gemini.pingFrame?.(7, 0)), status: 200 })).toEqual({ kind: 'pong' });
  const id = idOf(gemini.listFrame?.(7));
  const result = ['btcusd@bookTicker', 'btcusd@trade', 'ETHUSD@trade', 'ethusd@bookTicker', 'solusd@bookTicker'];
  // Of SOL there is one stream of two.
  expect(decode({ id, status: 200, result })).toEqual({
    kind: 'subscribed',
    symbols: ['btcusd', 'ethusd'],
    complete: true,
  });
  expect(decode({ id, status: 200, result: [] })).toEqual({ kind: 'subscribed', symbols: [], complete: true });
  expect(decode({ id, status: 200 })).toMatchObject({ kind: 'ignored' });
  expect(decode({ id: 'ping-7', status: 200, result: {} })).toEqual({ kind: 'pong' });
});

test('a refused request names its stream, or only itself', () => {
  const refused = (msg: string, code = -1013): unknown => decode({ id: 4, status: 400, error: { code, msg } });
  expect(refused('Invalid stream name: nosuchusd@bookTicker')).toEqual({
    kind: 'rejected',
    symbols: ['nosuchusd'],
    reason: 'Invalid stream name: nosuchusd@bookTicker (-1013)',
    requestId: 4,
  });
  expect(refused('Invalid params')).toEqual({
    kind: 'rejected',
    symbols: [],
    reason: 'Invalid params (-1013)',
    requestId: 4,
  });
  expect(refused('Unsupported operation', -1020)).toEqual({ kind: 'error', reason: 'Unsupported operation (-1020)' });
  expect(refused('Too many requests', -1003)).toEqual({ kind: 'error', reason: 'Too many requests (-1003)' });
  expect(decode({ id: 'list-9', status: 400, error: { code: -1013, msg: 'Invalid params' } })).toMatchObject({
    kind: 'error',
  });
  expect(decode({ id: 4, status: 500 })).toEqual({ kind: 'error', reason: 'refused without a reason' });
});

test.each([
  ['', 'empty frame'],
  ['hello', 'not a JSON object'],
  ['[1]', 'not a JSON object'],
  ['{}', 'neither an answer nor data of a symbol'],
  [
    '{"e":"depthUpdate","E":1789456742337187316,"s":"ethgusdperp","U":1,"u":2,"b":[],"a":[]}',
    'event "depthUpdate" is not used',
  ],
  [
    '{"e":"contractStatus","E":1789456742337,"s":"GEMI-BTC-UP","o":"Approved","n":"Active"}',
    'event "contractStatus" is not used',
  ],
  ['{"lastUpdateId":1,"symbol":"btcusd","bids":[],"asks":[]}', 'neither an answer nor data of a symbol'],
  ['{"u":1,"s":"GEMI-BTC-UP","b":"0.5"}', 'data without a readable symbol'],
  ['{"t":1,"s":7,"p":"0.5"}', 'trade without a readable symbol'],
  ['{"type":"heartbeat","timestamp":1}', 'the archived protocol: type "heartbeat"'],
  ['{"status":200}', 'answer to "undefined" is not used'],
])('%j is ignored: %s', (frame, why) => {
  expect(decode(frame)).toEqual({ kind: 'ignored', why });
});

test('subscribes to book and trades of each symbol, and asks with ids that are not those of subscriptions', () => {
  const parse = (frame = ''): unknown => JSON.parse(frame);
  expect(gemini.subscribeFrames(['btcusd', 'ethusd'], 7, 0).map(parse)).toEqual([
    { id: 7, method: 'subscribe', params: ['btcusd@bookTicker', 'btcusd@trade', 'ethusd@bookTicker', 'ethusd@trade'] },
  ]);
  expect(
    gemini.subscribeFrames(
      Array.from({ length: gemini.limits.symbolsPerFrame }, () => 'x'),
      1,
      0,
    ),
  ).toHaveLength(1);
  expect(parse(gemini.pingFrame?.(7, 0))).toEqual({ id: 'ping-7', method: 'ping' });
  expect(parse(gemini.listFrame?.(7))).toEqual({ id: 'list-7', method: 'list_subscriptions' });
});
