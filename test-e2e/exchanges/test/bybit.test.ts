import { createFakeClock, type FakeClock } from '@weir/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startExchanges, type ExchangeControl, type Exchanges } from '../index.ts';
import { connect, type RawClient } from './raw-client.ts';

let clock: FakeClock;
let exchanges: Exchanges;
let venue: ExchangeControl;
let client: RawClient;

beforeEach(async () => {
  clock = createFakeClock();
  exchanges = await startExchanges({
    venues: ['bybit'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USDT', price: '64123.0' },
      { asset: 'ALGO', quote: 'USDT', price: '0.13110' },
    ],
    clock,
  });
  venue = exchanges.venue('bybit');
  client = await connect(exchanges.addresses['bybit']?.ws ?? '');
});

afterEach(async () => {
  client.socket.terminate();
  await exchanges.stop();
});

const subscribe = (args: readonly string[], req_id = '1'): object => ({ req_id, op: 'subscribe', args });
const get = async (path: string): Promise<unknown> =>
  (await fetch(`${exchanges.addresses['bybit']?.rest}${path}`)).json();

interface Book {
  readonly ts: number;
  readonly data: { readonly u: number; readonly b: readonly string[][]; readonly a: readonly string[][] };
}

describe('the Bybit socket', () => {
  it('answers a request as a whole, then sends its topics: a ticker without a book, and a book', async () => {
    client.send(subscribe(['tickers.ALGOUSDT', 'orderbook.1.ALGOUSDT'], '9'));
    expect(JSON.parse(await client.next('"op"'))).toEqual({
      success: true,
      ret_msg: '',
      conn_id: expect.any(String),
      req_id: '9',
      op: 'subscribe',
    });
    const ticker: unknown = JSON.parse(await client.next('"tickers.'));
    expect(ticker).toMatchObject({ type: 'snapshot', ts: clock.nowMs(), data: { lastPrice: '0.13110' } });
    expect(JSON.stringify(ticker)).not.toContain('bid');
    const { data } = JSON.parse(await client.next('orderbook.1')) as Book;
    expect(data).toMatchObject({ s: 'ALGOUSDT', b: [[expect.any(String), expect.any(String)]] });
    venue.setPrice('ALGO-USDT', '0.14000');
    expect(await client.next('orderbook.1')).toContain('"u":2');
    expect(await client.next('"tickers.')).toContain('"lastPrice":"0.14000"');
  });

  it('refuses a request for one bad topic, and subscribes nothing of it', async () => {
    client.send(subscribe(['tickers.BTCUSDT', 'tickers.NOPEUSDT']));
    expect(JSON.parse(await client.next('"op"'))).toMatchObject({
      success: false,
      ret_msg: 'Invalid topic: tickers.NOPEUSDT',
      req_id: '1',
    });
    expect(venue.subscribers('BTC-USDT')).toBe(0);
  });

  it('refuses more than 10 topics at once, and topics of another socket', async () => {
    client.send(subscribe(Array.from({ length: 11 }, () => 'tickers.BTCUSDT')));
    expect(await client.next('"op"')).toContain('args size >10');
    client.send(subscribe(['system.status']));
    expect(await client.next('"op"')).toContain('Invalid topic: system.status');
  });

  it('repeats a book that has not changed for 3 s, with the same number', async () => {
    client.send(subscribe(['orderbook.1.BTCUSDT']));
    const first = JSON.parse(await client.next('orderbook.1')) as Book;
    await clock.advance(1_000);
    const second = JSON.parse(await client.next('orderbook.1')) as Book;
    await clock.advance(2_000);
    expect(client.frames.filter((frame) => frame.includes('orderbook'))).toEqual([]);
    await clock.advance(1_000);
    const third = JSON.parse(await client.next('orderbook.1')) as Book;
    expect([second.data, third.data]).toEqual([first.data, first.data]);
    expect(third.ts - second.ts).toBe(3_000);
  });

  it('answers pings', async () => {
    client.send({ op: 'ping', req_id: '7' });
    expect(JSON.parse(await client.next('pong'))).toMatchObject({ success: true, op: 'ping', req_id: '7' });
  });

  it('tells of work on a socket of its own', async () => {
    const status = await connect((exchanges.addresses['bybit']?.ws ?? '').replace('/spot', '/misc/status'));
    status.send(subscribe(['system.status']));
    expect(await status.next('"op"')).toContain('"success":true');
    const startMs = clock.nowMs() + 90_000;
    venue.announceMaintenance(90_000);
    expect(JSON.parse(await status.next('system.status'))).toMatchObject({
      topic: 'system.status',
      data: [{ state: 'scheduled', begin: `${startMs}`, serviceTypes: [4, 5], product: [1, 2], env: 1 }],
    });
    venue.maintenance({ system: 'cancel_only' });
    expect(JSON.parse(await status.next('system.status'))).toMatchObject({
      data: [{ state: 'completed' }, { state: 'ongoing', serviceTypes: [1, 2, 3] }],
    });
    venue.maintenance({ system: 'online' });
    expect(await status.next('system.status')).toContain('completed');
    status.socket.terminate();
  });

  it('stops sending after unsubscribe', async () => {
    client.send(subscribe(['tickers.BTCUSDT', 'tickers.ALGOUSDT']));
    await client.next('"tickers.ALGOUSDT"');
    client.send({ op: 'unsubscribe', args: ['tickers.BTCUSDT'] });
    await client.next('unsubscribe');
    venue.setPrice('BTC-USDT', '1');
    venue.setPrice('ALGO-USDT', '2');
    expect(await client.next('"tickers.')).toContain('ALGOUSDT');
  });
});

describe('the Bybit REST interface', () => {
  it('lists spot markets, the tickers of all and of one, with their books', async () => {
    expect(await get('/v5/market/instruments-info?category=spot')).toMatchObject({
      retCode: 0,
      result: { list: [{ symbol: 'BTCUSDT', baseCoin: 'BTC', quoteCoin: 'USDT', status: 'Trading' }, {}] },
    });
    expect(await get('/v5/market/tickers?category=spot')).toMatchObject({
      retCode: 0,
      result: { list: [{ symbol: 'BTCUSDT', lastPrice: '64123.0', bid1Price: expect.any(String) }, {}] },
    });
    expect(await get('/v5/market/tickers?category=spot&symbol=ALGOUSDT')).toMatchObject({
      result: { list: [{ lastPrice: '0.13110' }] },
    });
  });

  it('answers errors as codes with status 200', async () => {
    expect(await get('/v5/market/tickers?category=spot&symbol=NOPEUSDT')).toMatchObject({
      retCode: 10001,
      retMsg: 'Not supported symbols',
    });
    expect(await get('/v5/market/tickers')).toMatchObject({ retCode: 10001 });
  });
});
