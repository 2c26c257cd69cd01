import fc from 'fast-check';
import { expect, test } from 'vitest';
import { handshakeTimeoutMs, reconnectDelayMs } from './reconnect-delay.ts';

const CHANCES = [0, 0.25, 0.5, 0.999999];

/** Least and most over all luck. */
function range(attempts: number, outageMs: number, more: { isMaintenance?: boolean; retryAfterMs?: number } = {}) {
  const delays = CHANCES.map((chance) =>
    reconnectDelayMs({ attempts, outageMs, isMaintenance: false, ...more, chance }),
  );
  return { least: Math.min(...delays), most: Math.max(...delays) };
}

test('the first retry comes at once, a little spread', () => {
  expect(range(0, 0)).toEqual({ least: 0, most: expect.closeTo(250, 0) as number });
});

test('during the first minute no wait is longer than a second, so that a venue is back within two', () => {
  for (let attempts = 1; attempts < 100; attempts++) {
    for (const outageMs of [0, 1_000, 20_000, 59_999]) {
      const { least, most } = range(attempts, outageMs);
      expect(least).toBeGreaterThanOrEqual(500);
      expect(most).toBeLessThanOrEqual(1_000);
    }
  }
});

test('afterwards the wait grows with the outage, to 30 s and no further', () => {
  expect(range(90, 61_000).most).toBeLessThanOrEqual(1_000);
  expect(range(90, 100_000)).toEqual({ least: 5_000, most: expect.closeTo(10_000, 0) as number });
  expect(range(99, 180_000)).toEqual({ least: 15_000, most: expect.closeTo(30_000, 0) as number });
  expect(range(9_999, 1e9)).toEqual({ least: 15_000, most: expect.closeTo(30_000, 0) as number });
});

test('one long outage stays under 150 connections in any 10 minutes, the tightest limit of a venue', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = createUniform(seed);
      const attemptsAtMs: number[] = [];
      for (let atMs = 0, attempts = 0; atMs < 1_800_000; attempts++) {
        atMs += reconnectDelayMs({ attempts, outageMs: atMs, isMaintenance: false, chance: random() });
        attemptsAtMs.push(atMs);
      }
      for (const startMs of attemptsAtMs) {
        const within = attemptsAtMs.filter((atMs) => atMs >= startMs && atMs < startMs + 600_000);
        expect(within.length).toBeLessThan(150);
      }
    }),
    { numRuns: 50 },
  );
});

/** mulberry32: fast-check's own numbers favour the extremes, which would make all delays short. */
function createUniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('a venue under maintenance is left alone for at least 5 s', () => {
  expect(range(0, 0, { isMaintenance: true }).least).toBe(5_000);
  expect(range(3, 1_000, { isMaintenance: true }).least).toBe(5_000);
  expect(range(99, 1e9, { isMaintenance: true }).least).toBe(15_000);
});

test('Retry-After is honoured, up to an hour', () => {
  expect(range(0, 0, { retryAfterMs: 12_000 })).toEqual({ least: 12_000, most: 12_000 });
  expect(range(99, 1e9, { retryAfterMs: 1_000 }).least).toBe(15_000);
  expect(range(0, 0, { retryAfterMs: 1e12 })).toEqual({ least: 3_600_000, most: 3_600_000 });
});

test('a handshake gets 10 s, but not while the venue may return any moment', () => {
  expect(handshakeTimeoutMs(undefined)).toBe(10_000);
  expect(handshakeTimeoutMs(0)).toBe(3_000);
  expect(handshakeTimeoutMs(59_999)).toBe(3_000);
  expect(handshakeTimeoutMs(60_000)).toBe(10_000);
});
