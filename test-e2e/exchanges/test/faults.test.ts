import { createConnection } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startExchanges, type ExchangeControl, type Exchanges } from '../index.ts';
import { connect } from './raw-client.ts';

let exchanges: Exchanges;
let venue: ExchangeControl;
let url: string;

beforeEach(async () => {
  exchanges = await startExchanges({
    venues: ['coinbase', 'kraken'],
    ticksPerSecond: 0,
    maxWaitingBytes: 256 * 1024,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3138.40' },
    ],
  });
  venue = exchanges.venue('kraken');
  url = exchanges.addresses['kraken']?.ws ?? '';
});

afterEach(() => exchanges.stop());

const subscribe = (symbol: string): object => ({
  method: 'subscribe',
  params: { channel: 'ticker', symbol: [symbol] },
});

describe('faults of a venue', () => {
  it('drops its connections when cut, refuses new ones, and takes them again when restored', async () => {
    const client = await connect(url);
    venue.cut();
    expect(await client.closed).toBe(1006);
    await expect(connect(url)).rejects.toThrow(/hang up|ECONNRESET/);
    await expect(fetch(`${exchanges.addresses['kraken']?.rest}/0/public/SystemStatus`)).rejects.toThrow('fetch failed');
    // The other venue is another server.
    expect((await fetch(`${exchanges.addresses['coinbase']?.rest}/products`)).status).toBe(200);
    venue.restore();
    const again = await connect(url);
    expect(await again.next('status')).toContain('online');
    again.socket.terminate();
  });

  it('keeps silent connections open without a frame, a pong or an answer, then goes on', async () => {
    const client = await connect(url);
    client.send(subscribe('BTC/USD'));
    await client.next('snapshot","data"');
    venue.silence(true);
    client.socket.ping();
    client.send({ method: 'ping' });
    venue.setPrice('BTC', '1');
    const port = Number(new URL(url).port);
    const accepted = createConnection(port, '127.0.0.1');
    await once(accepted, 'connect');
    accepted.write('GET /0/public/SystemStatus HTTP/1.1\r\nHost: x\r\n\r\n');
    let answered = 0;
    accepted.on('data', () => (answered += 1));
    client.socket.on('pong', () => (answered += 1));
    // Two seconds pass on the server's own clock before the venue would have beaten twice.
    const other = await connect(exchanges.addresses['coinbase']?.ws ?? '');
    other.send({ type: 'subscribe', product_ids: ['BTC-USD'], channels: ['heartbeat'] });
    await other.next('last_trade_id');
    await other.next('last_trade_id');
    expect(client.frames).toEqual([]);
    expect(answered).toBe(0);
    venue.silence(false);
    await once(accepted, 'close');
    venue.setPrice('BTC', '2');
    expect(await client.next('"ticker"')).toContain('"last":2.00');
    client.socket.terminate();
    other.socket.terminate();
  });

  it('announces maintenance, then closes those who heard of it and takes others', async () => {
    const client = await connect(url);
    await client.next('status');
    venue.announceMaintenance(200);
    const announced = await client.next('upcoming_maintenance":[{');
    expect(announced).toContain('"system":"online"');
    expect(announced).toContain('"affected_services":["spot_trading","spot_ws"]');
    const after = await connect(url);
    expect(await after.next('status')).toContain('upcoming_maintenance":[{');
    expect(await client.closed).toBe(1012);
    after.send({ method: 'ping' });
    await after.next('pong');
    after.socket.terminate();
  });

  it('announces maintenance and is gone with its start, where it is told so', async () => {
    const client = await connect(url);
    venue.announceMaintenance(50, { isCut: true });
    expect(await client.closed).toBe(1006);
    await expect(connect(url)).rejects.toThrow(/hang up|ECONNRESET/);
    venue.restore();
    const again = await connect(url);
    again.socket.terminate();
  });

  it('refuses one symbol until it is accepted again', async () => {
    const client = await connect(url);
    venue.refuse('ETH/USD');
    client.send(subscribe('ETH/USD'));
    expect(await client.next('success')).toContain('Currency pair not supported ETH/USD');
    venue.accept('ETH/USD');
    client.send(subscribe('ETH/USD'));
    expect(await client.next('success')).toContain('"success":true');
    client.socket.terminate();
  });

  it('says how often each fault has struck, and nothing of one that only was on', async () => {
    venue.fault({ skewMs: 1_000, lieBps: 100 });
    expect(venue.strikes).toEqual({});
    venue.heal();
    const client = await connect(url);
    client.send(subscribe('BTC/USD'));
    await client.next('snapshot","data"');
    venue.fault({ duplicateShare: 1, lieBps: 100 });
    exchanges.setTruth('BTC', '64200');
    await client.next('"ticker"');
    venue.cut();
    expect(venue.strikes).toMatchObject({ duplicateShare: 1, lieBps: 1, cut: 1 });
  });

  it('drops a client that does not read', async () => {
    const client = await connect(url);
    client.send(subscribe('BTC/USD'));
    await client.next('snapshot","data"');
    client.socket.pause();
    const frame = `{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","pad":"${'x'.repeat(64 * 1024)}"}]}`;
    for (let count = 0; count < 2_000 && venue.connections > 0; count++) {
      venue.push(frame);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(venue.connections).toBe(0);
    client.socket.terminate();
  });

  it('sends a pushed frame as it is to whom it concerns', async () => {
    const client = await connect(url);
    client.send(subscribe('BTC/USD'));
    await client.next('snapshot","data"');
    venue.push('{"channel":"ticker","type":"update","data":[{"symbol":"ETH/USD","last":1}]}');
    venue.push('not even JSON');
    expect(await client.next('not even JSON')).toBe('not even JSON');
    expect(client.frames).toEqual([]);
    client.socket.terminate();
  });

  it('keeps what clients sent and counts subscribers', async () => {
    const client = await connect(url);
    client.send(subscribe('BTC/USD'));
    await client.next('snapshot","data"');
    expect(venue.received).toEqual([JSON.stringify(subscribe('BTC/USD'))]);
    expect([venue.subscribers('BTC'), venue.subscribers('ETH'), venue.connections]).toEqual([1, 0, 1]);
    client.socket.terminate();
  });

  it('closes every connection when stopped', async () => {
    const clients = await Promise.all([connect(url), connect(exchanges.addresses['coinbase']?.ws ?? '')]);
    await exchanges.stop();
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual([1006, 1006]);
    await expect(connect(url)).rejects.toThrow('ECONNREFUSED');
  });
});
