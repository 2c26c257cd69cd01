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
    venues: ['gateio'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USDT', price: '64123.0' },
      { asset: 'ALGO', quote: 'USDT', price: '0.13110' },
      { asset: 'NEW', quote: 'USDT' },
    ],
    clock,
  });
  venue = exchanges.venue('gateio');
  client = await connect(exchanges.addresses['gateio']?.ws ?? '');
});

afterEach(async () => {
  client.socket.terminate();
  await exchanges.stop();
});

const request = (payload: readonly string[], more: object = {}): object => ({
  time: Math.floor(clock.nowMs() / 1_000),
  id: 7,
  channel: 'spot.tickers',
  event: 'subscribe',
  payload,
  ...more,
});
/** Everything sent so far has been dealt with. */
const settle = async (): Promise<void> => {
  client.send({ channel: 'spot.ping' });
  await client.next('spot.pong');
};
const get = async (path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
  const response = await fetch(`${exchanges.addresses['gateio']?.rest}${path}`);
  return { status: response.status, body: await response.json() };
};

describe('the Gate socket', () => {
  it('answers a frame once, with its pairs and its id, and sends tickers once a second and after changes only, none on subscribing', async () => {
    client.send(request(['BTC_USDT', 'ALGO_USDT', 'NEW_USDT']));
    expect(JSON.parse(await client.next('"subscribe"'))).toMatchObject({
      time_ms: clock.nowMs(),
      id: 7,
      channel: 'spot.tickers',
      payload: ['BTC_USDT', 'ALGO_USDT', 'NEW_USDT'],
      result: { status: 'success' },
    });
    // A quiet pair of the recordings had its first ticker after 28 s, with its first trade.
    await clock.advance(28_000);
    await settle();
    expect(client.frames).toEqual([]);
    venue.setPrice('ALGO-USDT', '0.13120');
    await clock.advance(1_000);
    expect(JSON.parse(await client.next('ALGO_USDT'))).toMatchObject({
      event: 'update',
      result: { last: '0.13120', highest_bid: expect.any(String), lowest_ask: expect.any(String) },
    });
    venue.setPrice('BTC-USDT', '64200');
    venue.setPrice('BTC-USDT', '64300');
    await settle();
    expect(client.frames).toEqual([]);
    await clock.advance(1_000);
    expect(await client.next('"update"')).toContain('"last":"64300.0"');
    await clock.advance(5_000);
    await settle();
    expect(client.frames).toEqual([]);
  });

  it('sends books and trades at once', async () => {
    client.send(request(['BTC_USDT'], { channel: 'spot.book_ticker' }));
    client.send(request(['BTC_USDT'], { channel: 'spot.trades' }));
    await settle();
    venue.setPrice('BTC-USDT', '64200');
    expect(JSON.parse(await client.next('"amount"'))).toMatchObject({
      channel: 'spot.trades',
      result: { currency_pair: 'BTC_USDT', price: '64200.0', create_time_ms: `${clock.nowMs()}.0` },
    });
    expect(JSON.parse(await client.next('spot.book_ticker'))).toMatchObject({
      result: { t: clock.nowMs(), s: 'BTC_USDT', u: expect.any(Number) },
    });
  });

  it.each([
    [['BTC_USDT', 'NOPE_USDT'], {}, 'unknown currency pair: NOPE_USDT'],
    [['btc_usdt'], {}, 'unknown currency pair: btc_usdt'],
    [['BTC_USDT'], { channel: 'spot.nope' }, 'Unknown channel spot.nope'],
    [['BTC_USDT'], { time: 1 }, 'Invalid argument provided'],
    [[], {}, 'Invalid argument provided'],
  ])('refuses the whole of %j with %j', async (payload, more, message) => {
    client.send(request(payload, more));
    expect(JSON.parse(await client.next('"fail"'))).toMatchObject({ id: 7, payload, error: { code: 2, message } });
    expect(venue.subscribers('BTC-USDT')).toBe(0);
  });

  it('takes a subscription twice, and what is no JSON without a word', async () => {
    client.send('hello');
    for (const id of [1, 2]) {
      client.send(request(['BTC_USDT'], { id }));
      expect(await client.next(`"id":${id},`)).toContain('success');
    }
    client.send(request(['BTC_USDT'], { event: 'unsubscribe' }));
    expect(await client.next('"unsubscribe"')).toContain('success');
    expect(venue.subscribers('BTC-USDT')).toBe(0);
  });

  it('drops who says nothing and has subscribed to nothing after 30 s', async () => {
    await clock.advance(29_000);
    expect(venue.connections).toBe(1);
    await clock.advance(1_000);
    expect(await client.closed).toBe(1006);
  });

  it('drops a subscriber after 60 s without a word from either side, and keeps one that pings', async () => {
    client.send(request(['NEW_USDT']));
    await client.next('success');
    await clock.advance(50_000);
    await settle();
    await clock.advance(59_000);
    expect(venue.connections).toBe(1);
    await clock.advance(1_000);
    expect(await client.closed).toBe(1006);
  });
});

describe('the Gate REST interface', () => {
  it('answers pairs and tickers, of all or of one', async () => {
    const btc = { currency_pair: 'BTC_USDT', last: '64123.0' };
    expect((await get('/spot/currency_pairs')).body).toMatchObject([
      { id: 'BTC_USDT', base: 'BTC', quote: 'USDT', trade_status: 'tradable' },
      { id: 'ALGO_USDT' },
      { id: 'NEW_USDT' },
    ]);
    expect((await get('/spot/tickers')).body).toMatchObject([btc, { last: '0.13110' }, { last: '' }]);
    expect((await get('/spot/tickers?currency_pair=BTC_USDT')).body).toMatchObject([btc]);
    expect(await get('/spot/tickers?currency_pair=NOPE_USDT')).toMatchObject({
      status: 400,
      body: { label: 'INVALID_CURRENCY_PAIR' },
    });
    expect(await get('/spot/nowhere')).toMatchObject({ status: 404 });
  });
});
