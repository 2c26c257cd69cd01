import { createFakeClock, waitFor, type FakeClock } from '@weir/testing';
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
    venues: ['okx'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USDT', price: '64123.0' },
      { asset: 'ALGO', quote: 'USDT', price: '0.13110' },
    ],
    clock,
  });
  venue = exchanges.venue('okx');
  client = await connect(exchanges.addresses['okx']?.ws ?? '');
});

afterEach(async () => {
  client.socket.terminate();
  await exchanges.stop();
});

const tickers = (instId: string): object => ({ channel: 'tickers', instId });
const subscribe = (...args: object[]): object => ({ id: 't1', op: 'subscribe', args });
const get = async (path: string): Promise<unknown> =>
  (await fetch(`${exchanges.addresses['okx']?.rest}${path}`)).json();

describe('the OKX socket', () => {
  it('answers argument by argument, then sends the state of the market', async () => {
    client.send(subscribe(tickers('NOPE-USDT'), tickers('ALGO-USDT')));
    expect(JSON.parse(await client.next('"error"'))).toMatchObject({
      id: 't1',
      event: 'error',
      code: '60018',
      msg: expect.stringContaining("channel:tickers,instId:NOPE-USDT doesn't exist"),
      connId: expect.any(String),
    });
    expect(JSON.parse(await client.next('"subscribe"'))).toEqual({
      id: 't1',
      event: 'subscribe',
      arg: { channel: 'tickers', instId: 'ALGO-USDT' },
      connId: expect.any(String),
    });
    const { data } = JSON.parse(await client.next('"last"')) as { data: readonly Record<string, string>[] };
    expect(data).toMatchObject([{ instType: 'SPOT', instId: 'ALGO-USDT', last: '0.13110', ts: `${clock.nowMs()}` }]);
    venue.setPrice('ALGO-USDT', '0.14000');
    expect(await client.next('"last"')).toContain('"last":"0.14000"');
  });

  it('answers the bare word ping with the bare word pong', async () => {
    client.send('ping');
    expect(await client.next('pong')).toBe('pong');
  });

  it('closes a socket on which nothing was sent for 30 s, and none that pings', async () => {
    const pinging = await connect(exchanges.addresses['okx']?.ws ?? '');
    for (let seconds = 0; seconds < 31; seconds += 1) {
      if (seconds % 10 === 0) {
        pinging.send('ping');
        await pinging.next('pong');
      }
      await clock.advance(1_000);
    }
    expect(await client.closed).toBe(4004);
    await waitFor(() => venue.connections === 1);
    pinging.socket.terminate();
  });

  it('tells of announced work in its status channel and by notice 60 s ahead, then closes who was there', async () => {
    client.send(subscribe({ channel: 'status' }));
    await client.next('"subscribe"');
    venue.announceMaintenance(90_000);
    const { data } = JSON.parse(await client.next('"state"')) as { data: readonly Record<string, string>[] };
    const startMs = clock.nowMs() + 90_000;
    expect(data).toMatchObject([{ state: 'scheduled', serviceType: '0', begin: `${startMs}`, preOpenBegin: '' }]);
    for (let seconds = 0; seconds < 30; seconds += 10) {
      client.send('ping');
      await client.next('pong');
      await clock.advance(10_000);
    }
    await clock.advance(1_000);
    expect(JSON.parse(await client.next('notice'))).toMatchObject({ event: 'notice', code: '64008' });
    const later = await connect(exchanges.addresses['okx']?.ws ?? '');
    later.send(subscribe({ channel: 'status' }));
    // The first thing of the channel is what was told last.
    expect(await later.next('"state"')).toContain('"state":"scheduled"');
    for (let seconds = 0; seconds < 60; seconds += 10) {
      for (const each of [client, later]) {
        each.send('ping');
        await each.next('pong');
      }
      await clock.advance(10_000);
    }
    expect(await client.closed).toBe(1012);
    await waitFor(() => venue.connections === 1);
    later.socket.terminate();
  });

  it('gives the notice at once when less than 60 s are left', async () => {
    client.send('ping');
    await client.next('pong');
    venue.announceMaintenance(1_500);
    expect(await client.next('notice')).toContain('"64008"');
  });

  it('says when trading stops and when it goes on', async () => {
    client.send(subscribe({ channel: 'status' }));
    await client.next('"subscribe"');
    venue.maintenance({ system: 'cancel_only' });
    expect(await client.next('"state"')).toMatch(/"serviceType":"5","state":"ongoing"/);
    venue.maintenance({ system: 'online' });
    expect(await client.next('"state"')).toMatch(/"serviceType":"5","state":"completed"/);
  });

  it.each([
    ['{', '60012'],
    ['{"op":"dance","args":[]}', '60012'],
    ['{"op":"subscribe","args":[]}', '60013'],
    ['{"op":"subscribe","args":[7]}', '60013'],
    ['{"op":"subscribe","args":[{"channel":"nope","instId":"BTC-USDT"}]}', '60018'],
  ])('answers %s with error %s', async (frame, code) => {
    client.send(frame);
    expect(JSON.parse(await client.next('"error"'))).toMatchObject({ event: 'error', code });
  });

  it('stops sending after unsubscribe', async () => {
    client.send(subscribe(tickers('BTC-USDT'), tickers('ALGO-USDT')));
    await client.next('"instId":"ALGO-USDT","last"');
    client.send({ op: 'unsubscribe', args: [tickers('BTC-USDT')] });
    await client.next('unsubscribe');
    venue.setPrice('BTC-USDT', '1');
    venue.setPrice('ALGO-USDT', '2');
    expect(await client.next('"last"')).toContain('ALGO-USDT');
  });
});

describe('the OKX REST interface', () => {
  it('lists spot markets, the tickers of all and of one', async () => {
    expect(await get('/api/v5/public/instruments?instType=SPOT')).toMatchObject({
      code: '0',
      data: [{ instId: 'BTC-USDT', baseCcy: 'BTC', quoteCcy: 'USDT', state: 'live', tickSz: '0.1' }, {}],
    });
    expect(await get('/api/v5/market/tickers?instType=SPOT')).toMatchObject({
      code: '0',
      data: [{ last: '64123.0' }, {}],
    });
    expect(await get('/api/v5/market/ticker?instId=ALGO-USDT')).toMatchObject({ data: [{ last: '0.13110' }] });
  });

  it('answers errors as codes with status 200', async () => {
    expect(await get('/api/v5/market/ticker?instId=NOPE-USDT')).toMatchObject({ code: '51001', data: [] });
    expect(await get('/api/v5/market/tickers')).toMatchObject({ code: '51000' });
  });
});
