import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startExchanges, type ExchangeControl, type Exchanges } from '../index.ts';
import { connect, type RawClient } from './raw-client.ts';

let exchanges: Exchanges;
let venue: ExchangeControl;
let client: RawClient;

beforeEach(async () => {
  exchanges = await startExchanges({
    venues: ['kraken'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.0' },
      { asset: 'ALGO', quote: 'USD', price: '0.13110' },
    ],
  });
  venue = exchanges.venue('kraken');
  client = await connect(exchanges.addresses['kraken']?.ws ?? '');
});

afterEach(async () => {
  client.socket.terminate();
  await exchanges.stop();
});

const subscribe = (symbols: readonly string[], id = 1): object => ({
  method: 'subscribe',
  params: { channel: 'ticker', symbol: symbols, event_trigger: 'bbo', snapshot: true },
  req_id: id,
});
const get = async (path: string): Promise<unknown> =>
  (await fetch(`${exchanges.addresses['kraken']?.rest}${path}`)).json();

describe('the Kraken socket', () => {
  it('pushes its status on connect, with an id above 2^53', async () => {
    const frame = await client.next('"channel":"status"');
    expect(frame).toMatch(/"system":"online".*"connection_id":\d{19},"upcoming_maintenance":\[\],"emergency":\[\]/);
  });

  it('acks or refuses symbol by symbol, and keeps the zeros of its JSON numbers', async () => {
    client.send(subscribe(['FOO/BAR', 'ALGO/USD'], 9));
    const refusal = await client.next('"success":false');
    expect(JSON.parse(refusal)).toMatchObject({
      method: 'subscribe',
      success: false,
      error: 'Currency pair not supported FOO/BAR',
      symbol: 'FOO/BAR',
      req_id: 9,
    });
    expect(JSON.parse(await client.next('"success":true'))).toMatchObject({
      method: 'subscribe',
      result: { channel: 'ticker', event_trigger: 'bbo', snapshot: true, symbol: 'ALGO/USD' },
      req_id: 9,
    });
    expect(await client.next('"snapshot","data"')).toContain('"symbol":"ALGO/USD"');
    venue.setPrice('ALGO', '0.14000');
    const update = await client.next('"update","data":[{"symbol"');
    expect(update).toContain('"last":0.14000,');
    expect(JSON.parse(update)).toMatchObject({ data: [{ last: 0.14 }] });
  });

  it('beats once a second when nothing else is sent, only for who has subscribed', async () => {
    const stranger = await connect(exchanges.addresses['kraken']?.ws ?? '');
    client.send(subscribe(['BTC/USD']));
    expect(await client.next('{"channel":"heartbeat"}')).toBe('{"channel":"heartbeat"}');
    expect(stranger.frames.filter((frame) => frame.includes('heartbeat'))).toEqual([]);
    stranger.socket.terminate();
  });

  it('answers ping with pong', async () => {
    client.send({ method: 'ping', req_id: 42 });
    expect(JSON.parse(await client.next('pong'))).toMatchObject({ method: 'pong', req_id: 42, success: true });
  });

  it('pushes announced work and the change to maintenance, and trades nothing until it is over', async () => {
    const upcoming = { startMs: Date.UTC(2026, 9, 5, 9), endMs: Date.UTC(2026, 9, 5, 10), title: 'Order Entry' };
    venue.maintenance({ system: 'online', upcoming });
    expect(await client.next('upcoming_maintenance":[{')).toContain(
      '"expected_start_utc":"2026-10-05T09:00:00.000000Z"',
    );
    venue.maintenance({ system: 'maintenance' });
    expect(await client.next('"system":"maintenance"')).toContain('"channel":"status"');
    expect(await get('/0/public/SystemStatus')).toMatchObject({ error: [], result: { status: 'maintenance' } });
  });

  it('stops sending after unsubscribe and refuses to unsubscribe twice', async () => {
    client.send(subscribe(['BTC/USD', 'ALGO/USD']));
    await client.next('"symbol":"ALGO/USD","bid"');
    const leave = { method: 'unsubscribe', params: { channel: 'ticker', symbol: ['BTC/USD'] } };
    client.send(leave);
    expect(await client.next('unsubscribe')).toContain('"success":true');
    client.send(leave);
    expect(await client.next('unsubscribe')).toContain('Subscription Not Found');
    venue.setPrice('BTC', '1');
    venue.setPrice('ALGO', '2');
    expect(await client.next('"ticker"')).toContain('ALGO/USD');
  });

  it.each([
    ['{', 'Malformed request'],
    ['{"method":"dance"}', 'Unsupported method'],
    ['{"method":"subscribe","params":{"channel":"nope"}}', 'Unsupported channel nope'],
    ['{"method":"subscribe","params":{"channel":"ticker"}}', 'Symbol(s) required'],
  ])('answers %s with an error', async (frame, error) => {
    client.send(frame);
    expect(JSON.parse(await client.next('error'))).toMatchObject({ success: false, error });
  });
});

describe('the Kraken REST interface', () => {
  it('answers under the id, whatever name was asked for', async () => {
    expect(await get('/0/public/Ticker?pair=XBTUSD,ALGOUSD')).toMatchObject({
      error: [],
      result: { XXBTZUSD: { c: ['64123.0', expect.any(String)] }, ALGOUSD: { c: ['0.13110', expect.any(String)] } },
    });
    expect(await get('/0/public/AssetPairs')).toMatchObject({
      result: { XXBTZUSD: { altname: 'XBTUSD', wsname: 'XBT/USD', base: 'XXBT', quote: 'ZUSD', pair_decimals: 1 } },
    });
  });

  it('fails the whole batch for one unknown pair', async () => {
    expect(await get('/0/public/Ticker?pair=XBTUSD,FOOUSD')).toEqual({ error: ['EQuery:Unknown asset pair'] });
    expect(await get('/0/public/Nope')).toEqual({ error: ['EGeneral:Unknown method'] });
  });
});
