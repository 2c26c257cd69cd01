import { formatDecimal } from '@weir/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kraken } from './kraken.ts';

const BTC = { symbol: 'BTC/USD', asset: 'BTC', quote: 'USD' };

/** Numbers are given as texts: the point is what happens to their digits. */
function tickerFrame(
  numbers: { last?: string; bid?: string; ask?: string },
  timestamp = '2026-10-03T20:58:33.794283Z',
) {
  const { last, bid = '0.13099', ask = '0.13108' } = numbers;
  return (
    `{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":${bid},"bid_qty":329.06250000,"ask":${ask},` +
    `"ask_qty":1771.75027615,${last === undefined ? '' : `"last":${last},`}"volume":9095630.20903971,"vwap":0.12882,` +
    `"low":0.12437,"high":0.13306,"timestamp":"${timestamp}"}]}`
  );
}

test.each([
  ['0.13110', '0.1311'],
  ['8.12e-7', '0.000000812'],
  ['0.000000812', '0.000000812'],
  ['105899.40', '105899.4'],
  ['100', '100'],
  // More digits than a float holds.
  ['105899.400000000001', '105899.400000000001'],
  ['0.123456789012345678', '0.123456789012345678'],
  ['123456789012345.6', '123456789012345.6'],
  ['9007199254740993', undefined],
  ['900719925474099.30000000001', '900719925474099.30000000001'],
])('the price %s is kept to the digit', (last, price) => {
  expect(kraken.decode(tickerFrame({ last }))[0]).toMatchObject(
    price === undefined ? { kind: 'quote' } : { kind: 'ticker', ...BTC, price, bid: '0.13099', ask: '0.13108' },
  );
});

test('every price that Weir can hold arrives as it was sent, alone or among others', () => {
  fc.assert(
    fc.property(fc.bigInt(1n, 10n ** 33n - 1n), (value) => {
      const last = formatDecimal(value);
      expect(kraken.decode(tickerFrame({ last, bid: last, ask: last }))[0]).toMatchObject({ price: last, bid: last });
      const item = `{"symbol":"BTC/USD","bid":${last},"ask":1,"last":${last}}`;
      const batch = kraken.decode(`{"channel":"ticker","data":[${item},{"symbol":"ETH/USD","last":2.50},${item}]}`);
      expect(batch).toMatchObject([{ price: last }, { symbol: 'ETH/USD', price: '2.5' }, { price: last, bid: last }]);
    }),
  );
});

test('a number is not taken from another place with the same key', () => {
  const item = '{"symbol":"BTC/USD","timestamp":"","note":{"last":7},"last":8.10}';
  expect(kraken.decode(`{"channel":"ticker","data":[${item}]}`)).toEqual([{ kind: 'ticker', ...BTC, price: '8.1' }]);
  // The same float, other digits.
  const twin = '{"symbol":"BTC/USD","note":{"last":0.10000000000000001},"last":0.1}';
  expect(kraken.decode(`{"channel":"ticker","data":[${twin}]}`)).toEqual([{ kind: 'ticker', ...BTC, price: '0.1' }]);
  const escaped = '{"note":"\\"last\\":7","symbol":"BTC/USD", "last" : 8.10}';
  expect(kraken.decode(`{"channel":"ticker","data":[${escaped}]}`)).toEqual([{ kind: 'ticker', ...BTC, price: '8.1' }]);
});

test('a ticker without a last price is the book alone, and a dead pair not even that', () => {
  expect(kraken.decode(tickerFrame({}))).toEqual([
    { kind: 'quote', ...BTC, bid: '0.13099', ask: '0.13108', venueTime: '2026-10-03T20:58:33.794283Z' },
  ]);
  const dead = tickerFrame({ last: '0', bid: '0', ask: '0' }, '1970-01-01T00:00:00.000000Z');
  expect(kraken.decode(dead)).toEqual([{ kind: 'quote', ...BTC }]);
});

test('trades come one by one, those of a snapshot as past', () => {
  const item = (price: string): string =>
    `{"symbol":"BTC/USD","side":"buy","price":${price},"qty":0.00012460,"trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}`;
  const trade = {
    ...BTC,
    price: '105944.2',
    size: '0.0001246',
    side: 'buy',
    tradeTime: '2023-10-06T17:35:55.440295Z',
    tradeId: '10218208',
  };
  const data = `[${item('105944.20')},${item('0')},7]`;
  expect(kraken.decode(`{"channel":"trade","type":"update","data":${data}}`)).toEqual([
    { kind: 'trade', ...trade },
    { kind: 'ignored', why: 'trade of BTC/USD without price, quantity or side' },
    { kind: 'ignored', why: 'an item that is no object' },
  ]);
  expect(kraken.decode(`{"channel":"trade","type":"snapshot","data":[${item('105944.20')}]}`)).toEqual([
    { kind: 'past-trade', ...trade },
  ]);
});

test('acks and errors come per symbol', () => {
  const answer = (text: string): unknown => kraken.decode(text)[0];
  expect(
    answer('{"method":"subscribe","req_id":3,"result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}'),
  ).toEqual({ kind: 'subscribed', symbols: ['BTC/USD'], complete: false, requestId: 3 });
  expect(
    answer('{"method":"subscribe","success":false,"error":"Currency pair not supported FOO/BAR","symbol":"FOO/BAR"}'),
  ).toEqual({ kind: 'rejected', symbols: ['FOO/BAR'], reason: 'Currency pair not supported FOO/BAR' });
  expect(answer('{"method":"subscribe","success":false,"error":"Currency pair not supported FOO/BAR"}')).toMatchObject({
    symbols: ['FOO/BAR'],
  });
  expect(answer('{"method":"subscribe","success":false,"error":"Malformed request","req_id":4}')).toEqual({
    kind: 'rejected',
    symbols: [],
    reason: 'Malformed request',
    requestId: 4,
  });
  expect(answer('{"method":"subscribe","success":false,"error":"Exceeded msg rate"}')).toEqual({
    kind: 'error',
    reason: 'Exceeded msg rate',
  });
  expect(answer('{"method":"subscribe","success":false,"error":"Already subscribed","symbol":"BTC/USD"}')).toEqual({
    kind: 'subscribed',
    symbols: ['BTC/USD'],
    complete: false,
  });
  expect(answer('{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}')).toMatchObject(
    {
      kind: 'ignored',
    },
  );
  expect(answer('{"error":"Malformed request","success":false}')).toEqual({
    kind: 'error',
    reason: 'Malformed request',
  });
});

test('signs of life', () => {
  expect(kraken.decode('{"channel":"heartbeat"}')).toEqual([{ kind: 'heartbeat' }]);
  expect(kraken.decode('{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z"}')).toEqual([
    { kind: 'pong' },
  ]);
});

test('status tells whether trades can happen, and what is announced', () => {
  const status = (system: string, more = ''): unknown =>
    kraken.decode(
      `{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"${system}","connection_id":3364750901719990046${more}}]}`,
    )[0];
  expect(status('online', ',"upcoming_maintenance":[],"emergency":[]')).toEqual({
    kind: 'status',
    state: 'online',
    message: 'system online',
    maintenance: [],
  });
  for (const system of ['cancel_only', 'post_only', 'maintenance', 'a_new_state']) {
    expect(status(system)).toMatchObject({ state: 'halted', message: `system ${system}` });
  }
  const upcoming =
    '{"affected_services":["spot_ws"],"expected_start_utc":"2026-10-05T09:00:00.000000Z","expected_end_utc":"2026-10-05T10:00:00.000000Z","title":"Order Entry System Maintenance"}';
  expect(status('online', `,"upcoming_maintenance":[${upcoming},null],"emergency":["all is lost"]`)).toMatchObject({
    state: 'online',
    maintenance: [
      {
        title: 'Order Entry System Maintenance',
        startsAt: '2026-10-05T09:00:00.000000Z',
        endsAt: '2026-10-05T10:00:00.000000Z',
        isEmergency: false,
      },
      { title: 'maintenance', isEmergency: false },
      { title: 'all is lost', isEmergency: true },
    ],
  });
});

test('announced work says whether it ends connections; of work that names nothing that is assumed', () => {
  const notice = (services: string): unknown =>
    kraken.decode(
      `{"channel":"status","data":[{"system":"online","upcoming_maintenance":[{"title":"Work"${services}}]}]}`,
    );
  const event = (more: object): unknown => [
    expect.objectContaining({ maintenance: [{ title: 'Work', isEmergency: false, ...more }] }),
  ];
  expect(notice(',"affected_services":["spot_trading","spot_ws"]')).toEqual(event({ endsConnections: true }));
  expect(notice('')).toEqual(event({ endsConnections: true }));
  expect(notice(',"affected_services":["futures_ws"]')).toEqual(event({}));
});

test.each([
  ['', 'empty frame'],
  ['{"channel":"ticker","data":[]}', 'channel "ticker" without data'],
  ['{"channel":"ticker"}', 'channel "ticker" without data'],
  ['{"channel":"status","data":[{}]}', 'status without the state of the system'],
  ['{"channel":"ticker","data":[{"last":1}]}', 'ticker without a readable symbol'],
  ['{"channel":"book","type":"update","data":[]}', 'channel "book" is not used'],
  ['{"method":"add_order","success":true}', 'answer to "add_order" is not used'],
  ['{}', 'neither "method" nor "channel"'],
  ['{"event":"heartbeat"}', 'version 1 of the protocol: event "heartbeat"'],
  [
    '[170,[["0.0113","2.5","1561939201.5","s","l",""]],"trade","LTC/XBT"]',
    'version 1 of the protocol: channel "trade"',
  ],
  ['[]', 'a JSON list'],
  ['12', 'not a JSON object'],
])('%j is ignored: %s', (frame, why) => {
  expect(kraken.decode(frame)).toEqual([{ kind: 'ignored', why }]);
});

test('a frame nested deeper than the stack is ignored', () => {
  const depth = 200_000;
  const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const events = kraken.decode(`{"channel":"trade","data":[{"symbol":"BTC/USD","x":${nested}}]}`);
  expect(events).toMatchObject([{ kind: 'ignored' }]);
});

test('asks for the book as well as for trades', () => {
  expect(kraken.subscribeFrames(['BTC/USD'], 3, 0).map((frame) => JSON.parse(frame) as unknown)).toEqual([
    {
      method: 'subscribe',
      params: { channel: 'ticker', symbol: ['BTC/USD'], event_trigger: 'bbo', snapshot: true },
      req_id: 3,
    },
  ]);
  expect(JSON.parse(kraken.pingFrame?.(9, 0) ?? '')).toEqual({ method: 'ping', req_id: 9 });
});
