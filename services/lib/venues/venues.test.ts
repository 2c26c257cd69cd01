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

test.each(Object.values(venues))('$title has patience in the right order and knocks within its own limits', (venue) => {
  const { timing, limits } = venue;
  expect(timing.pingAfterMs).toBeLessThan(timing.deadAfterMs);
  expect(timing.ackMs).toBeLessThanOrEqual(timing.firstDataMs);
  expect(limits.connectBurst).toBeGreaterThanOrEqual(1);
  expect(limits.connectsPerSecond).toBeGreaterThan(0);
  expect(new URL(venue.defaultUrl).protocol).toBe('wss:');
  expect(new URL(venue.defaultRestUrl).protocol).toBe('https:');
  for (const frame of venue.subscribeFrames(['BTC-X'], 1, 1_790_134_410_000)) expect(frame).toContain('BTC-X');
});
