import { expect, test } from 'vitest';
import { okx } from './okx.ts';

const decodeAll = (frame: unknown): unknown => okx.decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
const decode = (frame: unknown): unknown => okx.decode(typeof frame === 'string' ? frame : JSON.stringify(frame)).at(0);

const BTC = { symbol: 'BTC-USDT', asset: 'BTC', quote: 'USDT' };
const ROW = {
  instType: 'SPOT',
  instId: 'BTC-USDT',
  last: '9999.990',
  lastSz: '0.1',
  askPx: '9999.99',
  askSz: '11',
  bidPx: '8888.88',
  bidSz: '5',
  ts: '1639999318686',
};
const ticker = (change: object): unknown =>
  decode({ arg: { channel: 'tickers', instId: 'BTC-USDT' }, data: [{ ...ROW, ...change }] });

test('a ticker keeps every digit, without padding, and its time in milliseconds as a date', () => {
  expect(ticker({})).toEqual({
    kind: 'ticker',
    ...BTC,
    price: '9999.99',
    bid: '8888.88',
    ask: '9999.99',
    venueTime: '2021-12-20T11:21:58.686Z',
  });
  expect(ticker({ instId: 'BTC-USD' })).toMatchObject({ symbol: 'BTC-USD', quote: 'USD' });
});

test('empty, zero and unreadable values are absent', () => {
  expect(ticker({ bidPx: '', askPx: '0', ts: '0' })).toEqual({ kind: 'ticker', ...BTC, price: '9999.99' });
  expect(ticker({ ts: '' })).not.toHaveProperty('venueTime');
  expect(ticker({ last: '', bidPx: '', askPx: '', ts: '' })).toEqual({ kind: 'quote', ...BTC });
});

test.each(['', '0', '0.00', '0.-10000', 'null', '-1', '1e400', null, 9999.99, {}])(
  'a ticker with the price %j has the book alone',
  (last) => {
    expect(ticker({ last })).toEqual({
      kind: 'quote',
      ...BTC,
      bid: '8888.88',
      ask: '9999.99',
      venueTime: '2021-12-20T11:21:58.686Z',
    });
  },
);

test('several rows give as many events; swaps, futures and options are no spot markets', () => {
  expect(
    decodeAll({
      arg: { channel: 'tickers', instId: 'BTC-USDT' },
      data: [ROW, { ...ROW, instId: 'BTC-USDT-SWAP' }, null, { ...ROW, instId: 'ETH-USDT' }],
    }),
  ).toMatchObject([{ kind: 'ticker' }, { kind: 'ignored' }, { kind: 'ignored' }, { symbol: 'ETH-USDT' }]);
});

test('a trade has the taker’s side', () => {
  const row = {
    instId: 'CRV-USDT',
    tradeId: '21300150',
    px: '3.9730',
    sz: '13.491146',
    side: 'buy',
    ts: '1639999319938',
    count: '3',
  };
  const frame = (change: object): unknown =>
    decode({ arg: { channel: 'trades', instId: 'CRV-USDT' }, data: [{ ...row, ...change }] });
  expect(frame({})).toEqual({
    kind: 'trade',
    symbol: 'CRV-USDT',
    asset: 'CRV',
    quote: 'USDT',
    price: '3.973',
    size: '13.491146',
    side: 'buy',
    tradeTime: '2021-12-20T11:21:59.938Z',
    tradeId: '21300150',
  });
  expect(frame({ sz: '0' })).toMatchObject({ kind: 'ignored' });
  expect(frame({ side: '' })).toMatchObject({ kind: 'ignored' });
  expect(frame({ instId: 'X' })).toMatchObject({ kind: 'ignored' });
});

test('each symbol is confirmed by itself', () => {
  const arg = { channel: 'tickers', instId: 'BTC-USDT' };
  expect(decodeAll({ id: '1', event: 'subscribe', arg, connId: 'a4d3ae55' })).toEqual([
    { kind: 'subscribed', symbols: ['BTC-USDT'], complete: false },
  ]);
  expect(decode({ event: 'subscribe', arg: { channel: 'status' } })).toEqual({
    kind: 'ignored',
    why: 'answer for channel "status" is not used',
  });
});

const WRONG =
  "Wrong URL or channel:tickers,instId:NOPE-USDT doesn't exist. Please use the correct URL, channel and parameters referring to API document.";

test('a refusal names its instrument in its words', () => {
  expect(decode({ event: 'error', code: '60018', msg: WRONG, connId: 'a' })).toEqual({
    kind: 'rejected',
    symbols: ['NOPE-USDT'],
    reason: `60018: ${WRONG}`,
  });
  const quoted = 'Invalid arg {"channel":"tickers","instId":"NOPE-USDT"}';
  expect(decode({ event: 'error', code: '60018', msg: quoted })).toMatchObject({ kind: 'error' });
  expect(decode({ event: 'error', code: '60018', msg: 'instId:"NOPE-USDT"' })).toMatchObject({
    symbols: ['NOPE-USDT'],
  });
});

test.each([
  ['60012', 'Invalid request: {"op": "subscribe", "args":[{ "channel" : "tickers", "instId" : "BTC-USDT"}]}'],
  ['60013', 'Invalid args'],
  ['60014', 'Requests too frequent'],
  ['64003', 'Your trading fee tier does not meet the requirement to access this channel'],
  ['60018', "Wrong URL or channel:status doesn't exist."],
  [undefined, 'something'],
])('error %s is nobody’s fault', (code, msg) => {
  const reason = code === undefined ? msg : `${code}: ${msg}`;
  expect(decode({ event: 'error', code, msg })).toEqual({ kind: 'error', reason });
});

test('a notice of the end of the connection asks to leave it; other notices do not', () => {
  const msg = 'The connection will soon be closed for a service upgrade. Please reconnect.';
  expect(decodeAll({ event: 'notice', code: '64008', msg, connId: 'a4d3ae55' })).toEqual([
    { kind: 'drain', reason: msg },
  ]);
  expect(decode({ event: 'notice', code: '64009', msg: 'Hello' })).toEqual({ kind: 'ignored', why: 'notice "Hello"' });
});

test('pings and pongs are bare words', () => {
  expect(okx.pingFrame?.(9, 0)).toBe('ping');
  expect(decodeAll('pong')).toEqual([{ kind: 'pong' }]);
});

const WORK = {
  title: 'Trading account WebSocket system upgrade',
  state: 'scheduled',
  begin: '1672823400000',
  end: '1672825980000',
  href: '',
  preOpenBegin: '',
  scheDesc: '',
  serviceType: '0',
  system: 'unified',
  maintType: '1',
  env: '1',
  ts: '1672826038470',
};
const work = (change: object): unknown => decode({ arg: { channel: 'status' }, data: [{ ...WORK, ...change }] });

test('work on sockets ends connections, work on trading halts the markets while it goes on', () => {
  const notice = {
    title: WORK.title,
    startsAt: '2023-01-04T09:10:00.000Z',
    endsAt: '2023-01-04T09:53:00.000Z',
    isEmergency: false,
  };
  const status = { kind: 'status', message: WORK.title };
  const sockets = { ...status, work: `0 ${WORK.title}`, maintenance: [{ ...notice, endsConnections: true }] };
  expect(work({})).toEqual({ ...sockets, state: 'online' });
  expect(work({ state: 'ongoing' })).toEqual({ ...sockets, state: 'online' });
  const trading = { ...status, work: `5 ${WORK.title}`, maintenance: [notice] };
  expect(work({ serviceType: '5' })).toEqual({ ...trading, state: 'online' });
  expect(work({ serviceType: '5', state: 'ongoing' })).toEqual({ ...trading, state: 'halted' });
  expect(work({ serviceType: '5', state: 'pre_open' })).toEqual({ ...trading, state: 'halted' });
  expect(work({ serviceType: '5', state: 'completed' })).toEqual({
    ...trading,
    state: 'online',
    message: `${WORK.title} completed`,
    maintenance: [],
  });
  expect(work({ serviceType: '5', state: 'canceled' })).toMatchObject({ state: 'online', maintenance: [] });
});

test('work has an id of its own where the venue gives one, times where they are known, and may be a disruption', () => {
  expect(work({ id: '77', begin: '', end: '0', maintType: '3' })).toMatchObject({
    work: '77',
    maintenance: [{ title: WORK.title, isEmergency: true, endsConnections: true }],
  });
});

test.each([{ serviceType: '11' }, { serviceType: '8' }, { serviceType: '9' }, { env: '2' }, { state: 'x' }])(
  'work with %j says nothing about prices',
  (change) => {
    expect(work(change)).toMatchObject({ kind: 'ignored' });
  },
);

test.each([
  ['', 'empty frame'],
  ['ping', 'not a JSON object'],
  ['[]', 'not a JSON object'],
  ['{}', 'neither "event" nor "arg"'],
  ['{"code":"0","msg":"","data":[]}', 'answer of REST'],
  ['{"arg":{"channel":"tickers"},"data":[]}', 'channel "tickers" without data'],
  ['{"arg":{"channel":"tickers"},"data":[{}]}', 'ticker of something else than a spot market'],
  ['{"arg":{"channel":"books","instId":"BTC-USDT"},"data":[{}]}', 'channel "books" is not used'],
  ['{"event":"channel-conn-count","channel":"orders"}', 'event "channel-conn-count" is not used'],
])('%j is ignored: %s', (frame, why) => {
  expect(decodeAll(frame)).toEqual([{ kind: 'ignored', why }]);
});

test('asks for tickers and for announced work in one frame of less than 64 KB', () => {
  expect(okx.subscribeFrames(['BTC-USDT'], 3, 0).map((frame) => JSON.parse(frame) as unknown)).toEqual([
    { id: '3', op: 'subscribe', args: [{ channel: 'tickers', instId: 'BTC-USDT' }, { channel: 'status' }] },
  ]);
  const many = Array.from({ length: okx.limits.symbolsPerFrame }, () => 'X'.repeat(40));
  expect(okx.subscribeFrames(many, 3, 0)[0]?.length).toBeLessThan(65_536);
});
