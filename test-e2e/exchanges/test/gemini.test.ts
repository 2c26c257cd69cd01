import { createFakeClock, type FakeClock } from '@weir/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startExchanges, type ExchangeControl, type Exchanges } from '../index.ts';
import { connect, type RawClient } from './raw-client.ts';

let clock: FakeClock;
let exchanges: Exchanges;
let venue: ExchangeControl;
let client: RawClient;
let old: RawClient;

beforeEach(async () => {
  clock = createFakeClock();
  exchanges = await startExchanges({
    venues: ['gemini'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ALGO', quote: 'USD', price: '0.13110' },
      { asset: 'NEW', quote: 'USD' },
    ],
    clock,
  });
  venue = exchanges.venue('gemini');
  const { ws = '' } = exchanges.addresses['gemini'] ?? {};
  client = await connect(ws);
  old = await connect(new URL('/v2/marketdata', ws).href);
});

afterEach(async () => {
  client.socket.terminate();
  old.socket.terminate();
  await exchanges.stop();
});

const subscribe = (id: number, ...params: string[]): object => ({ id, method: 'subscribe', params });
const get = async (path: string): Promise<{ readonly status: number; readonly body: string }> => {
  const response = await fetch(`${exchanges.addresses['gemini']?.rest}${path}`);
  return { status: response.status, body: await response.text() };
};

describe('the Gemini socket', () => {
  it('answers with the id alone, then sends the book with times above 2^53 and padded prices', async () => {
    client.send(subscribe(1, 'BTCUSD@bookTicker', 'algousd@trade'));
    expect(await client.next('"status"')).toBe('{"id":1,"status":200}');
    const book = await client.next('"b"');
    expect(book).toContain(`"E":${clock.nowMs()}076872,"s":"btcusd"`);
    expect(JSON.parse(book)).toMatchObject({ s: 'btcusd', c: '64123.0700', b: expect.stringMatching(/\.\d+00$/) });
    venue.setPrice('ALGO', '0.14000');
    const trade = await client.next('"t"');
    expect(JSON.parse(trade)).toMatchObject({ s: 'algousd', p: '0.1400000', m: expect.any(Boolean) });
    expect(trade).not.toContain('"e"');
  });

  it('sends nothing but the symbol of what has never traded', async () => {
    client.send(subscribe(1, 'newusd@bookTicker'));
    expect(Object.keys(JSON.parse(await client.next('"s"')) as object)).toEqual(['u', 'E', 's']);
  });

  it.each(['nosuchusd@bookTicker', 'btcusd@nosuch', 'btcusd', 'btcusd@trade@100ms'])(
    'refuses a whole frame for %s',
    async (bad) => {
      client.send(subscribe(4, 'btcusd@bookTicker', bad));
      expect(JSON.parse(await client.next('"status"'))).toEqual({
        id: 4,
        status: 400,
        error: { code: -1013, msg: `Invalid stream name: ${bad}` },
      });
      expect(venue.subscribers('BTC')).toBe(0);
    },
  );

  it('lists what is subscribed, answers pings, and knows no other method', async () => {
    client.send(subscribe(1, 'btcusd@bookTicker', 'btcusd@trade', 'algousd@trade'));
    client.send({ id: 2, method: 'unsubscribe', params: ['algousd@trade'] });
    client.send({ id: 'list-3', method: 'list_subscriptions' });
    expect(JSON.parse(await client.next('"list-3"'))).toEqual({
      id: 'list-3',
      status: 200,
      result: ['btcusd@bookTicker', 'btcusd@trade'],
    });
    client.send({ id: 'ping-4', method: 'ping' });
    expect(await client.next('ping-4')).toBe('{"id":"ping-4","status":200}');
    client.send({ id: 5, method: 'dance' });
    expect(await client.next('"id":5')).toContain('"code":-1020');
    client.send({ id: 6, method: 'subscribe', params: { streams: ['btcusd@trade'] } });
    expect(await client.next('"id":6')).toContain('"code":-1013');
  });
});

describe('the archived Gemini socket', () => {
  const wish = (...symbols: string[]): object => ({ type: 'subscribe', subscriptions: [{ name: 'l2', symbols }] });

  it('answers with the book and the trades of before, then sends trades', async () => {
    old.send(wish('BTCUSD', 'NOSUCHUSD'));
    expect(JSON.parse(await old.next('l2_updates'))).toMatchObject({
      type: 'l2_updates',
      symbol: 'BTCUSD',
      trades: [{ symbol: 'BTCUSD', price: '64123.07', timestamp: clock.nowMs() }],
    });
    venue.setPrice('BTC', '64200');
    expect(JSON.parse(await old.next('"trade"'))).toMatchObject({ type: 'trade', symbol: 'BTCUSD', price: '64200.00' });
    expect(client.frames).toEqual([]);
  });

  it('knows upper case only', async () => {
    old.send(wish('btcusd'));
    expect(await old.next('error')).toBe('{"reason":"NoValidTradingPairs","result":"error"}');
  });

  it('beats every 5 s', async () => {
    await clock.advance(4_999);
    expect(old.frames).toEqual([]);
    await clock.advance(1);
    expect(JSON.parse(await old.next('heartbeat'))).toEqual({ type: 'heartbeat', timestamp: clock.nowMs() });
    expect(client.frames).toEqual([]);
  });
});

describe('the Gemini REST interface', () => {
  it('answers symbols, details, the prices of all, and one ticker', async () => {
    expect(JSON.parse((await get('/v1/symbols')).body)).toEqual(['btcusd', 'algousd', 'newusd']);
    expect(JSON.parse((await get('/v1/symbols/details/btcusd')).body)).toMatchObject({ base_currency: 'BTC' });
    expect(JSON.parse((await get('/v1/pricefeed')).body)).toMatchObject([
      { pair: 'BTCUSD', price: '64123.07' },
      { pair: 'ALGOUSD', price: '0.13110' },
    ]);
    expect(JSON.parse((await get('/v1/pubticker/btcusd')).body)).toMatchObject({
      last: '64123.07',
      volume: { USD: expect.any(String), timestamp: expect.any(Number) },
    });
  });

  it('answers of an unknown symbol in plain text, of an unknown path in JSON', async () => {
    expect(await get('/v1/pubticker/nosuchusd')).toEqual({
      status: 404,
      body: "'nosuchusd' does not have available data yet",
    });
    expect(await get('/v1/nowhere')).toMatchObject({ status: 404, body: expect.stringContaining('EndpointNotFound') });
    expect(await get('/v1/symbols/details/nosuchusd')).toMatchObject({ status: 400 });
  });
});
