import { expect, test } from 'vitest';
import { bybit } from './bybit.ts';

const decodeAll = (frame: unknown): unknown => bybit.decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
const decode = (frame: unknown): unknown =>
  bybit.decode(typeof frame === 'string' ? frame : JSON.stringify(frame)).at(0);

const BTC = { symbol: 'BTCUSDT', asset: 'BTC', quote: 'USDT' };
const TICKER_DATA = {
  symbol: 'BTCUSDT',
  lastPrice: '77606.80',
  highPrice24h: '78685.3',
  price24hPcnt: '-0.0127',
  usdIndexPrice: '77561.956977',
};
const TICKER = {
  topic: 'tickers.BTCUSDT',
  ts: 1_788_335_008_126,
  type: 'snapshot',
  cs: 113_508_069_165,
  data: TICKER_DATA,
};
const BOOK_DATA = { s: 'BTCUSDT', b: [['28165.07', '0.175231']], a: [['28165.08', '0.996816']], u: 20_404_754, seq: 7 };
const BOOK = { topic: 'orderbook.1.BTCUSDT', ts: 1_680_652_806_504, type: 'snapshot', data: BOOK_DATA };
const book = (data: object, type = 'snapshot'): unknown => decode({ ...BOOK, type, data: { ...BOOK_DATA, ...data } });
const TRADE = {
  i: '2290000001202469355',
  T: 1_788_335_009_482,
  p: '77606.80',
  v: '0.000712',
  S: 'Buy',
  seq: 113_508_069_853,
  s: 'BTCUSDT',
  BT: false,
  RPI: false,
};

test('a ticker is the last price alone: spot has no book in it', () => {
  expect(decodeAll(TICKER)).toEqual([
    { kind: 'ticker', ...BTC, price: '77606.8', venueTime: '2026-09-02T07:43:28.126Z', sequence: 113_508_069_165 },
  ]);
  expect(decode({ ...TICKER, ts: 0, cs: undefined })).toEqual({ kind: 'ticker', ...BTC, price: '77606.8' });
});

test.each(['', '0', '0.00', '0.-10000', 'null', '-1', '1e400', null, 77_606.8, {}])(
  'a ticker with the last price %j is of no use',
  (lastPrice) => {
    expect(decode({ ...TICKER, data: { ...TICKER_DATA, lastPrice } })).toEqual({
      kind: 'ignored',
      why: 'ticker of BTCUSDT without a last price',
    });
  },
);

test('a ticker of a derivative, of the same name, is no price of the spot market', () => {
  expect(decode({ ...TICKER, data: { ...TICKER_DATA, markPrice: '17217.33', bid1Price: '17215.50' } })).toEqual({
    kind: 'ignored',
    why: 'ticker of the derivative BTCUSDT',
  });
});

test('the book is both sides, with the count that tickers have', () => {
  expect(decodeAll(BOOK)).toEqual([
    {
      kind: 'quote',
      ...BTC,
      bid: '28165.07',
      ask: '28165.08',
      venueTime: '2023-04-05T00:00:06.504Z',
      sequence: 7,
    },
  ]);
});

test('the repeated book is an event like the first: it is the proof that the market lives', () => {
  expect(decode(BOOK)).toEqual(decode(BOOK));
  expect(decode({ ...BOOK, data: { ...BOOK_DATA, u: 1 } })).toMatchObject({ kind: 'quote', bid: '28165.07' });
});

test('a side that is empty, taken out or unreadable is absent', () => {
  const both = { bid: '28165.07', ask: '28165.08' };
  expect(book({ a: [] })).not.toHaveProperty('ask');
  expect(book({ a: [] })).toMatchObject({ bid: both.bid });
  expect(book({ b: [['28165.07', '0']] })).not.toHaveProperty('bid');
  expect(
    book({
      b: [
        ['28165.07', '0'],
        ['28165.05', '0.1'],
      ],
    }),
  ).toMatchObject({ ...both, bid: '28165.05' });
  expect(book({ b: [['0', '1']] })).not.toHaveProperty('bid');
  expect(book({ b: 'x', a: [7] })).toEqual({
    kind: 'quote',
    ...BTC,
    venueTime: '2023-04-05T00:00:06.504Z',
    sequence: 7,
  });
});

test('a change of the book gives the side that has changed, and none when one was taken out', () => {
  expect(book({ b: [['28165.07', '0.166754']], a: [] }, 'delta')).toMatchObject({ kind: 'quote', bid: '28165.07' });
  expect(book({ b: [['28165.07', '0.166754']], a: [] }, 'delta')).not.toHaveProperty('ask');
  expect(book({ b: [], a: [] }, 'delta')).toMatchObject({ kind: 'ignored' });
  for (const a of [[], [['28166', '1']]]) {
    const gone = book({ b: [['28145.71', '0']], a }, 'delta');
    expect(gone).toMatchObject({ kind: 'quote', ...BTC });
    expect([gone]).not.toContainEqual(expect.objectContaining({ ask: expect.anything() }));
  }
});

test('trades come several in a frame, each with its own time; block trades are left out', () => {
  expect(
    decodeAll({
      topic: 'publicTrade.BTCUSDT',
      ts: 1_788_335_009_483,
      data: [TRADE, { ...TRADE, BT: true }, { ...TRADE, S: 'Sell', RPI: true }],
    }),
  ).toEqual([
    {
      kind: 'trade',
      ...BTC,
      price: '77606.8',
      size: '0.000712',
      side: 'buy',
      tradeTime: '2026-09-02T07:43:29.482Z',
      tradeId: '2290000001202469355',
    },
    { kind: 'ignored', why: 'block trade of BTCUSDT' },
    expect.objectContaining({ kind: 'trade', side: 'sell' }),
  ]);
  expect(decode({ topic: 'publicTrade.BTCUSDT', data: [{ ...TRADE, v: '0' }] })).toMatchObject({ kind: 'ignored' });
  expect(decode({ topic: 'publicTrade.BTCUSDT', data: [{ ...TRADE, S: 'None' }] })).toMatchObject({ kind: 'ignored' });
});

const ACK = { success: true, ret_msg: '', conn_id: 'd9avrj8i70nu0j2a80n0-9cfc4', op: 'subscribe', req_id: '12' };

test('an ack names its request and means all of it', () => {
  const all = { kind: 'subscribed', symbols: [], complete: false };
  expect(decode(ACK)).toEqual({ ...all, requestId: 12 });
  expect(decode({ ...ACK, ret_msg: 'subscribe' })).toEqual({ ...all, requestId: 12 });
  expect(decode({ ...ACK, req_id: '' })).toEqual(all);
  expect(decode({ ...ACK, req_id: 'sub-orderbook-1' })).toEqual(all);
});

test.each([
  ['Invalid topic: invalid.topic.BTCUSDT', ['BTCUSDT']],
  ['Invalid topic: orderbook.1.FOOUSDT', ['FOOUSDT']],
  ['Invalid symbol :[tickers.FOOUSDT,orderbook.1.FOOUSDT,tickers.1BARUSDT]', ['FOOUSDT', '1BARUSDT']],
  ['Batch subscription error', []],
  ['', []],
])('the refusal %j is of the symbols %j and of its request', (reason, symbols) => {
  expect(decode({ ...ACK, success: false, ret_msg: reason })).toEqual({
    kind: 'rejected',
    symbols,
    reason: reason === '' ? 'refused without a reason' : reason,
    requestId: 12,
  });
});

test('what is subscribed already is subscribed', () => {
  const ret_msg = 'error:already subscribed,topic:tickers.BTCUSDT';
  expect(decode({ ...ACK, success: false, ret_msg })).toEqual({
    kind: 'subscribed',
    symbols: ['BTCUSDT'],
    complete: false,
    requestId: 12,
  });
});

test('a complaint about the pace is nobody’s fault', () => {
  expect(decode({ ...ACK, success: false, ret_msg: 'Too many requests' })).toEqual({
    kind: 'error',
    reason: 'Too many requests',
  });
  expect(decode({ ...ACK, op: 'auth', success: false, ret_msg: 'x' })).toEqual({ kind: 'error', reason: 'x' });
  for (const success of [true, false]) {
    expect(decode({ ...ACK, op: 'unsubscribe', success })).toEqual({ kind: 'unsubscribed' });
  }
});

test.each([
  { success: true, ret_msg: 'pong', conn_id: '…', op: 'ping' },
  { success: true, ret_msg: 'pong', conn_id: '…', op: 'ping', req_id: '7' },
  { op: 'pong', args: ['1672916271846'], conn_id: '…' },
])('a pong is one in every form', (frame) => {
  expect(decodeAll(frame)).toEqual([{ kind: 'pong' }]);
});

const WORK = {
  id: '4d95b2a0-587f-11f0-bcc9-56f28c94d6ea',
  title: 'Spot upgrade',
  state: 'scheduled',
  begin: '1751596902000',
  end: '1751597011000',
  href: '',
  serviceTypes: [1, 5],
  product: [1, 2],
  uidSuffix: [],
  maintainType: 1,
  env: 1,
};
const work = (change: object): unknown =>
  decode({ topic: 'system.status', ts: 1_751_858_399_649, data: [{ ...WORK, ...change }] });

test('announced work has its time, and each piece is its own', () => {
  const notice = {
    title: 'Spot upgrade',
    startsAt: '2025-07-04T02:41:42.000Z',
    endsAt: '2025-07-04T02:43:31.000Z',
    isEmergency: false,
    endsConnections: true,
  };
  const status = { kind: 'status', message: 'Spot upgrade', work: WORK.id };
  expect(work({})).toEqual({ ...status, state: 'online', maintenance: [notice] });
  expect(work({ state: 'ongoing' })).toEqual({ ...status, state: 'halted', maintenance: [notice] });
  expect(work({ state: 'completed' })).toEqual({
    ...status,
    state: 'online',
    message: 'Spot upgrade completed',
    maintenance: [],
  });
  expect(work({ state: 'canceled' })).toMatchObject({ state: 'online', maintenance: [] });
  expect(work({ maintainType: 3, begin: '', end: '0' })).toMatchObject({
    maintenance: [{ title: 'Spot upgrade', isEmergency: true, endsConnections: true }],
  });
});

test('only work on the trading of spot halts it; work on market data ends connections', () => {
  expect(work({ state: 'ongoing', serviceTypes: [5] })).toMatchObject({
    state: 'online',
    maintenance: [{ endsConnections: true }],
  });
  expect(work({ state: 'ongoing', serviceTypes: [1] })).toMatchObject({ state: 'halted' });
  expect(work({ state: 'ongoing', product: [] })).toMatchObject({ state: 'halted' });
  expect(work({ state: 'ongoing', uidSuffix: [1, 2] })).toMatchObject({ state: 'online' });
  for (const change of [{ serviceTypes: [2, 3, 4] }, { product: [1] }, { env: 2 }, { env: '2' }, { state: 'x' }])
    expect(work(change)).toMatchObject({ kind: 'ignored' });
});

test.each([
  ['', 'empty frame'],
  ['[]', 'not a JSON object'],
  ['pong', 'not a JSON object'],
  ['{}', 'neither "topic" nor "op"'],
  ['{"success":true,"ret_msg":"","request":{"op":"subscribe","args":["trade.BTCUSDT"]}}', 'neither "topic" nor "op"'],
  ['{"topic":"trade.BTCUSDT","data":[]}', 'topic "trade.BTCUSDT" is not used'],
  ['{"topic":"orderbook.50.BTCUSDT","data":{}}', 'topic "orderbook.50.BTCUSDT" is not used'],
  ['{"topic":"tickers.BTCUSDT"}', 'ticker without a readable symbol'],
  ['{"topic":"orderbook.1.BTCUSDT","data":{"s":"B T"}}', 'orderbook without a readable symbol'],
  ['{"topic":"publicTrade.BTCUSDT","data":[]}', 'topic "publicTrade.BTCUSDT" without data'],
  ['{"topic":"publicTrade.BTCUSDT","data":[7]}', 'an item that is no object'],
  ['{"topic":"publicTrade.BTCUSDT","data":[{}]}', 'trade without a readable symbol'],
  ['{"topic":7}', 'topic "number" is not used'],
  ['{"op":"auth","success":true}', 'answer to "auth"'],
])('%j is ignored: %s', (frame, why) => {
  expect(decodeAll(frame)).toEqual([{ kind: 'ignored', why }]);
});

test('asks for ticker and book of each symbol, within the venue’s limits', () => {
  const { symbolsPerFrame, symbolsPerConnection = 0 } = bybit.limits;
  const longest = Array.from({ length: symbolsPerFrame }, (_, index) => `${'X'.repeat(19)}${index}`);
  const [frame = '', ...more] = bybit.subscribeFrames(longest, 3, 0);
  const { req_id, op, args } = JSON.parse(frame) as { req_id: string; op: string; args: string[] };
  expect(more).toEqual([]);
  expect([req_id, op]).toEqual(['3', 'subscribe']);
  expect(args.slice(0, 2)).toEqual([`tickers.${longest[0]}`, `orderbook.1.${longest[0]}`]);
  // At most 10 topics to a request, and 21,000 characters of topics to a connection.
  expect(args).toHaveLength(10);
  expect((JSON.stringify(args).length / symbolsPerFrame) * symbolsPerConnection).toBeLessThan(21_000);
  expect(JSON.parse(bybit.pingFrame?.(9, 0) ?? '')).toEqual({ req_id: '9', op: 'ping' });
});

test('work is told on another socket of the same host, if that has one', () => {
  const { statusSocket } = bybit;
  expect(statusSocket?.urlOf(bybit.defaultUrl)).toBe('wss://stream.bybit.com/v5/public/misc/status');
  expect(statusSocket?.urlOf('wss://stream.bybit.kz/v5/public/spot')).toBe(
    'wss://stream.bybit.kz/v5/public/misc/status',
  );
  expect(statusSocket?.urlOf('wss://proxy.example/bybit')).toBeUndefined();
  expect(JSON.parse(statusSocket?.subscribeFrame(4) ?? '')).toEqual({
    req_id: '4',
    op: 'subscribe',
    args: ['system.status'],
  });
});
