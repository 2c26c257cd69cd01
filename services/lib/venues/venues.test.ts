import { expect, test } from 'vitest';
import { findVenue, venues } from './index.ts';

test('a venue is found by its id and by nothing else', () => {
  for (const [id, venue] of Object.entries(venues)) {
    expect(venue.id).toBe(id);
    expect(findVenue(id)).toBe(venue);
  }
  for (const id of ['', 'Coinbase', 'binance', 'constructor', '__proto__', 'toString'])
    expect(findVenue(id)).toBeUndefined();
});

/** By venue: how many connections it takes from one address, in how many seconds. */
const PUBLISHED: Readonly<Record<string, { readonly connects: number; readonly inSeconds: number }>> = {
  // 8 a second, and bursts of 20.
  coinbase: { connects: 20, inSeconds: 1 },
  kraken: { connects: 150, inSeconds: 600 },
  gemini: { connects: 300, inSeconds: 300 },
  bybit: { connects: 500, inSeconds: 300 },
  okx: { connects: 3, inSeconds: 1 },
};

test.each(Object.entries(PUBLISHED))(
  '%s is never knocked at more often than it takes',
  (id, { connects, inSeconds }) => {
    const { connectBurst = Infinity, connectsPerSecond = Infinity } = venues[id]?.limits ?? {};
    expect(connectBurst + connectsPerSecond * inSeconds).toBeLessThanOrEqual(connects);
  },
);

/** To requests to end subscriptions: granted, and refused with a symbol named. */
const ENDED: Readonly<Record<string, readonly string[]>> = {
  kraken: [
    '{"method":"unsubscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true,"req_id":7}',
    '{"method":"unsubscribe","success":false,"error":"Subscription Not Found","symbol":"BTC/USD","req_id":7}',
  ],
  gemini: [
    '{"id":"unsubscribe-7","status":200}',
    '{"id":"unsubscribe-7","status":400,"error":{"code":-1013,"msg":"Invalid stream name: btcusd@trade"}}',
  ],
  gateio: [
    '{"time":1,"id":7,"channel":"spot.tickers","event":"unsubscribe","payload":["BTC_USDT"],"result":{"status":"success"}}',
    '{"time":1,"id":7,"channel":"spot.tickers","event":"unsubscribe","payload":["BTC_USDT"],"error":{"code":2,"message":"not subscribed: BTC_USDT"}}',
  ],
  okx: ['{"id":"7","event":"unsubscribe","arg":{"channel":"tickers","instId":"BTC-USDT"},"connId":"a"}'],
};

test.each(Object.entries(ENDED))('%s: an answer to the end of a subscription refuses no symbol', (id, frames) => {
  for (const frame of frames) expect(venues[id]?.decode(frame)).toEqual([{ kind: 'unsubscribed' }]);
});

test.each(Object.values(venues))('$title has patience in the right order and knocks within its own limits', (venue) => {
  const { timing, limits } = venue;
  expect(timing.pingAfterMs).toBeLessThan(timing.deadAfterMs);
  expect(timing.ackMs).toBeLessThanOrEqual(timing.firstDataMs);
  expect(limits.connectBurst).toBeGreaterThanOrEqual(1);
  expect(limits.connectsPerSecond).toBeGreaterThan(0);
  expect(new URL(venue.defaultUrl).protocol).toBe('wss:');
  expect(new URL(venue.defaultRestUrl).protocol).toBe('https:');
  for (const frame of venue.unsubscribeFrames(['BTC-X'], 1, 1_790_134_410_000)) expect(frame).toContain('BTC-X');
  for (const frame of venue.subscribeFrames(['BTC-X'], 1, 1_790_134_410_000)) expect(frame).toContain('BTC-X');
});
