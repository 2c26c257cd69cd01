import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startExchanges, type ExchangeControl, type Exchanges } from '../index.ts';
import { connect, type RawClient } from './raw-client.ts';

let exchanges: Exchanges;
let venue: ExchangeControl;
let client: RawClient;

beforeEach(async () => {
  exchanges = await startExchanges({
    venues: ['coinbase'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3138.40' },
      { asset: 'NEW', quote: 'USD' },
    ],
  });
  venue = exchanges.venue('coinbase');
  client = await connect(exchanges.addresses['coinbase']?.ws ?? '');
});

afterEach(async () => {
  client.socket.terminate();
  await exchanges.stop();
});

const subscribe = (products: readonly string[], channels: readonly unknown[] = ['ticker']): object => ({
  type: 'subscribe',
  product_ids: products,
  channels,
});
const json = (frame: string): unknown => JSON.parse(frame);
const get = async (path: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${exchanges.addresses['coinbase']?.rest}${path}`);
  return { status: response.status, body: await response.json() };
};

describe('the Coinbase socket', () => {
  it('acks everything subscribed so far, then sends the snapshot of what is new', async () => {
    client.send(subscribe(['BTC-USD']));
    expect(json(await client.next('subscriptions'))).toEqual({
      type: 'subscriptions',
      channels: [{ name: 'ticker', product_ids: ['BTC-USD'], account_ids: null }],
    });
    expect(json(await client.next('"ticker"'))).toMatchObject({
      type: 'ticker',
      product_id: 'BTC-USD',
      price: '64123.07',
    });
    client.send(subscribe([], [{ name: 'heartbeat', product_ids: ['ETH-USD'] }]));
    expect(json(await client.next('subscriptions'))).toMatchObject({
      channels: [
        { name: 'ticker', product_ids: ['BTC-USD'] },
        { name: 'heartbeat', product_ids: ['ETH-USD'] },
      ],
    });
  });

  it('answers an error for the unknown product and acks the good one', async () => {
    client.send(subscribe(['FOO-USD', 'BTC-USD']));
    expect(json(await client.next('error'))).toEqual({
      type: 'error',
      message: 'Failed to subscribe',
      reason: 'FOO-USD is not a valid product',
    });
    expect(json(await client.next('subscriptions'))).toMatchObject({ channels: [{ product_ids: ['BTC-USD'] }] });
  });

  it('sends no snapshot for a product that has not traded', async () => {
    client.send(subscribe(['NEW-USD', 'BTC-USD']));
    await client.next('subscriptions');
    expect(await client.next('ticker')).toContain('BTC-USD');
  });

  it('proves life once a second with the id of the last trade', async () => {
    client.send(subscribe(['BTC-USD'], ['ticker', 'heartbeat']));
    const ticker = json(await client.next('"ticker","sequence"')) as { trade_id: number };
    expect(json(await client.next('"heartbeat","sequence"'))).toMatchObject({
      product_id: 'BTC-USD',
      last_trade_id: ticker.trade_id,
    });
  });

  it('sends a set price to subscribers only, with a new trade', async () => {
    const other = await connect(exchanges.addresses['coinbase']?.ws ?? '');
    other.send(subscribe(['ETH-USD']));
    client.send(subscribe(['BTC-USD'], ['ticker', 'matches']));
    await client.next('"ticker","sequence"');
    await other.next('"ticker","sequence"');
    venue.setPrice('BTC', '64200.5');
    const match = json(await client.next('"match"')) as { side: string };
    const ticker = json(await client.next('"ticker"')) as { side: string };
    expect(ticker).toMatchObject({ price: '64200.50' });
    // A match names the maker's side, a ticker the taker's.
    expect(match.side).not.toBe(ticker.side);
    venue.setPrice('ETH', '3000');
    expect(await other.next('ticker')).toContain('3000.00');
    other.socket.terminate();
  });

  it('stops sending after unsubscribe', async () => {
    client.send(subscribe(['BTC-USD', 'ETH-USD']));
    await client.next('"product_id":"ETH-USD"');
    client.send({ type: 'unsubscribe', product_ids: ['BTC-USD'], channels: ['ticker'] });
    expect(await client.next('subscriptions')).toContain('"product_ids":["ETH-USD"]');
    venue.setPrice('BTC', '1');
    venue.setPrice('ETH', '2');
    expect(await client.next('ticker')).toContain('ETH-USD');
  });

  it('says in the status channel that trading is halted, and trades nothing meanwhile', async () => {
    client.send(subscribe([], [{ name: 'status' }]));
    expect(await client.next('"type":"status"')).toContain('"status":"online"');
    venue.maintenance({ system: 'maintenance', upcoming: { startMs: 0, endMs: 1, title: 'Order Entry' } });
    const frame = await client.next('"type":"status"');
    expect(frame).toContain('"status":"offline","status_message":"Order Entry","trading_disabled":true');
  });

  it('names a frame that is not JSON, a private channel and a missing product list', async () => {
    client.send('{');
    expect(await client.next('error')).toContain('Malformed JSON');
    client.send(subscribe(['BTC-USD'], ['level2']));
    expect(await client.next('error')).toContain('now require authentication');
    client.send(subscribe([], ['ticker']));
    expect(await client.next('error')).toContain('at least one product ID');
  });

  it('closes a client that does not subscribe within five seconds', async () => {
    expect(await client.closed).toBe(1008);
  });
});

describe('the Coinbase REST interface', () => {
  it('answers a ticker, the products and the stats of all', async () => {
    expect(await get('/products/BTC-USD/ticker')).toMatchObject({ status: 200, body: { price: '64123.07' } });
    const products = await get('/products');
    expect(products.body).toMatchObject([
      { id: 'BTC-USD', quote_increment: '0.01' },
      { id: 'ETH-USD' },
      { id: 'NEW-USD' },
    ]);
    expect((await get('/products/stats')).body).toMatchObject({ 'ETH-USD': { stats_24hour: { last: '3138.40' } } });
  });

  it.each(['/products/FOO-USD/ticker', '/products/NEW-USD/ticker', '/nowhere'])('does not find %s', async (path) => {
    expect(await get(path)).toEqual({ status: 404, body: { message: 'NotFound' } });
  });
});
