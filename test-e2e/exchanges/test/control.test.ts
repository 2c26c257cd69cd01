import { createConnection } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startControlServer, type ControlServer } from '../control-server.ts';
import { startExchanges, type Exchanges } from '../index.ts';

let exchanges: Exchanges;
let control: ControlServer;

beforeEach(async () => {
  exchanges = await startExchanges({
    venues: ['coinbase', 'kraken'],
    ticksPerSecond: 0,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'EUR', price: '3138.40' },
    ],
  });
  control = await startControlServer({ exchanges, host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await control.stop();
  await exchanges.stop();
});

async function ask(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`http://127.0.0.1:${control.port}/control/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body !== undefined && { body: text }),
  });
  return { status: response.status, body: await response.json() };
}

it('says what the true prices are, and moves them for every venue', async () => {
  expect(await ask('truth')).toEqual({
    status: 200,
    body: { prices: { 'BTC-USD': '64123.07', 'ETH-EUR': '3138.40' } },
  });
  expect(await ask('truth', { pair: 'BTC', price: '70000' })).toEqual({ status: 200, body: { ok: true } });
  expect(await ask('truth?pair=BTC')).toEqual({ status: 200, body: { pair: 'BTC', price: '70000.00' } });
  for (const venue of ['coinbase', 'kraken']) {
    expect(Math.abs(Number(exchanges.venue(venue).price('BTC')) / 70_000 - 1)).toBeLessThan(0.000_1);
  }
});

it('switches faults on and off, and says which are on', async () => {
  await ask('kraken/lieBps', { value: 200 });
  await ask('kraken/restWrongBody', { value: 'html' });
  expect((await ask('kraken')).body).toMatchObject({
    connections: 0,
    restCount: 0,
    faults: { lieBps: 200, restWrongBody: 'html', isFrozen: false },
  });
  await ask('kraken/restWrongBody', { value: null });
  expect(exchanges.venue('kraken').faults.restWrongBody).toBeUndefined();
  await ask('kraken/heal', {});
  expect(exchanges.venue('kraken').faults.lieBps).toBe(0);
  expect(exchanges.venue('coinbase').faults.lieBps).toBe(0);
});

it('runs what happens once', async () => {
  expect((await ask('kraken/price', { pair: 'BTC', price: '1.5' })).status).toBe(200);
  expect(exchanges.venue('kraken').price('BTC')).toBe('1.50');
  await ask('kraken/cut', { isRefusing: true });
  await expect(fetch(`${exchanges.addresses['kraken']?.rest}/0/public/Ticker`)).rejects.toThrow('fetch failed');
  await ask('kraken/restore', '');
  for (const [name, body] of [
    ['silence', { isSilent: true }],
    ['silence', {}],
    ['burst', { count: 3 }],
    ['release', { pair: 'BTC' }],
    ['refuse', { symbol: 'BTC/USD' }],
    ['accept', { symbol: 'BTC/USD' }],
    ['maintenance', { system: 'post_only' }],
    ['announce', { startsInMs: 60_000, isCut: true }],
  ] as const) {
    expect(await ask(`kraken/${name}`, body)).toEqual({ status: 200, body: { ok: true } });
  }
});

it.each([
  ['kraken/lieBps', { value: 'much' }, 400, 'lieBps must be a whole number from -9999 to 100000'],
  ['kraken/isFrozen', { value: 1 }, 400, 'isFrozen must be true or false'],
  ['kraken/restWrongBody', { value: 'pdf' }, 400, 'restWrongBody must be html, cut, empty or null'],
  ['kraken/burst', { count: 100_001 }, 400, 'count must be a whole number from 0 to 100000'],
  ['kraken/price', { pair: 'DOGE', price: '1' }, 400, 'the simulated venue does not list "DOGE"'],
  ['kraken/price', { pair: 'BTC', price: '1e3' }, 400, 'not a price in plain notation: "1e3"'],
  ['kraken/refuse', { symbol: 'x'.repeat(65) }, 400, 'symbol must be a text of at most 64 characters'],
  ['kraken/maintenance', { system: 'away' }, 400, 'system must be one of online, maintenance, cancel_only, post_only'],
  ['kraken/cut', { isRefusing: 'yes' }, 400, 'isRefusing must be true or false'],
  ['truth', { pair: 'DOGE', price: '1' }, 400, 'no fair price walks for "DOGE"'],
  ['kraken/cut', '[]', 400, 'the body must be a JSON object of at most 64 KB'],
  ['kraken/cut', ' '.repeat(70_000), 400, 'the body must be a JSON object of at most 64 KB'],
  ['kraken/constructor', {}, 404, 'there is no such thing here'],
  ['bitfinex/cut', {}, 404, 'there is no such thing here'],
  ['__proto__/cut', {}, 404, 'there is no such thing here'],
  ['kraken/cut/now', {}, 404, 'there is no such thing here'],
  ['truth?pair=DOGE', undefined, 404, 'there is no such thing here'],
  ['bitfinex', undefined, 404, 'there is no such thing here'],
])('refuses %s with %j', async (path, body, status, error) => {
  expect(await ask(path, body)).toEqual({ status, body: { error } });
});

it('survives whoever goes away in the middle of a request', async () => {
  const socket = createConnection(control.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /control/kraken/cut HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
  socket.destroy();
  expect((await ask('truth')).status).toBe(200);
});
