import { priceStatus, type PriceRecord } from '@weir/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priceRecord } from '../test/samples.ts';
import { HEARTBEAT, PriceStream, type Round } from './price-stream.ts';
import type { FeedState, Slot } from './price-table.ts';

const LIMITS = { pendingBytesMax: 1_000, slowMs: 10_000, heartbeatMs: 10_000, confirmationMs: 1_000 };
const FRESHNESS = { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 };

function newSlot(pair: string): Slot {
  const slot: Partial<Slot> = { pair, record: undefined };
  // A stream reads no more of a slot than its pair and its record.
  return { ...slot, feed: {} as FeedState } as Slot;
}

/** A client, and the clock of its rounds: ages count from a record's `confirmedAtMs`, on the same clock. */
function openStream(pairs: readonly string[], allowStale = true) {
  const slots = new Map(pairs.map((pair) => [pair, newSlot(pair)]));
  const written: string[] = [];
  const sink = { pendingBytes: 0, write: (text: string) => void written.push(text) };
  const stream = new PriceStream([...slots.values()], sink, allowStale, LIMITS);
  let nowMs = 0;
  const round = (isThorough: boolean): Round => ({
    monotonicMs: nowMs,
    table: { slot: (pair) => slots.get(pair) },
    isThorough,
    ageMsOf: ({ record }) => nowMs - (record?.confirmedAtMs ?? 0),
    statusOf: (_slot, ageMs) => priceStatus(ageMs, FRESHNESS),
    priceEvent: (slot, record, ageMs, status) => `${slot.pair} ${record.priceText} ${ageMs} ${status}\n`,
  });
  const set = (pair: string, changes: Partial<PriceRecord>): void => {
    const slot = slots.get(pair);
    if (slot !== undefined) slot.record = priceRecord({ asset: pair, confirmedAtMs: nowMs, ...changes });
  };
  return {
    sink,
    slots,
    set,
    /** What a round writes, in lines. */
    step(elapsedMs: number, isThorough = false): { sent: number | 'slow'; lines: readonly string[] } {
      nowMs += elapsedMs;
      const before = written.length;
      const sent = stream.send(round(isThorough));
      return { sent, lines: written.slice(before).join('').split('\n').filter(Boolean) };
    },
  };
}

describe('a stream', () => {
  test('begins with all of its pairs, and then tells changes only', () => {
    const { set, step } = openStream(['BTC', 'ETH']);
    set('BTC', { priceText: '1' });
    expect(step(0).lines).toEqual([
      'BTC 1 0 fresh',
      'event: unavailable',
      'data: {"asset":"ETH","code":"PRICE_NOT_AVAILABLE"}',
    ]);
    expect(step(100)).toEqual({ sent: 0, lines: [] });
    set('ETH', { priceText: '7' });
    expect(step(100).lines).toEqual(['ETH 7 100 fresh']);
    set('ETH', { priceText: '8' });
    set('ETH', { priceText: '9' });
    expect(step(100).lines).toEqual(['ETH 9 100 fresh']);
  });

  test('tells a confirmed price again once a second, with the age that it has then', () => {
    const { set, step } = openStream(['BTC']);
    set('BTC', { priceText: '1' });
    step(0);
    const told: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      set('BTC', { priceText: '1' });
      told.push(...step(100).lines);
    }
    expect(told).toEqual(['BTC 1 100 fresh', 'BTC 1 100 fresh', 'BTC 1 100 fresh']);
  });

  test('tells that a price gets old though nothing arrives', () => {
    const { set, step } = openStream(['BTC']);
    set('BTC', { priceText: '1' });
    const told: string[] = [];
    for (let second = 0; second <= 61; second += 1) told.push(...step(second === 0 ? 0 : 1_000, true).lines);
    const events = told.filter((line) => line.startsWith('BTC'));
    expect(events).toEqual(['BTC 1 0 fresh', 'BTC 1 6000 aging', 'BTC 1 16000 stale', 'BTC 1 61000 dead']);
  });

  test('tells that a price is dead, and gives none, where the policy wants no stale ones', () => {
    const { set, step } = openStream(['BTC'], false);
    set('BTC', { priceText: '1' });
    step(0);
    step(20_000, true);
    const dead = step(50_000, true).lines;
    expect(dead).toEqual(['event: unavailable', 'data: {"asset":"BTC","code":"PRICE_DEAD","age_ms":70000}']);
    expect(step(1_000, true).lines).toEqual([]);
    set('BTC', { priceText: '1' });
    expect(step(100).lines).toEqual(['BTC 1 100 fresh']);
  });

  test('tells that a pair is no longer declared, and that it is again', () => {
    const { set, step, slots } = openStream(['BTC']);
    set('BTC', { priceText: '1' });
    step(0);
    slots.delete('BTC');
    expect(step(1_000, true).lines[1]).toContain('ASSET_UNKNOWN');
    slots.set('BTC', newSlot('BTC'));
    set('BTC', { priceText: '2' });
    expect(step(1_000, true).lines).toEqual(['BTC 2 1000 fresh']);
  });

  test('sends a comment when there was nothing to send for ten seconds', () => {
    const { set, step } = openStream(['BTC']);
    set('BTC', { priceText: '1' });
    step(0);
    expect(step(9_999).lines).toEqual([]);
    expect(step(1).lines).toEqual([HEARTBEAT.trim()]);
    expect(step(9_999).lines).toEqual([]);
  });
});

describe('a client that does not read', () => {
  test('is written nothing, then the newest only, and is given up after ten seconds', () => {
    const { set, step, sink } = openStream(['BTC']);
    set('BTC', { priceText: '1' });
    step(0);
    sink.pendingBytes = 1_001;
    for (let price = 2; price < 50; price += 1) {
      set('BTC', { priceText: String(price) });
      expect(step(100)).toEqual({ sent: 0, lines: [] });
    }
    sink.pendingBytes = 0;
    expect(step(100).lines).toEqual(['BTC 49 200 fresh']);
    sink.pendingBytes = 1_001;
    expect(step(0).sent).toBe(0);
    expect(step(9_999).sent).toBe(0);
    expect(step(1).sent).toBe('slow');
  });

  test('never has more unsent than the bound and one round, and misses no last price', () => {
    const move = fc.record({ price: fc.integer({ min: 1, max: 9 }), taken: fc.nat(3_000), elapsedMs: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
        const { set, step, sink } = openStream(['BTC', 'ETH']);
        const told: string[] = [];
        const take = (lines: readonly string[]): void => {
          told.push(...lines);
          sink.pendingBytes += lines.length * 400;
        };
        set('ETH', { priceText: '5' });
        for (const { price, taken, elapsedMs } of moves) {
          set('BTC', { priceText: String(price) });
          take(step(elapsedMs).lines);
          expect(sink.pendingBytes).toBeLessThanOrEqual(LIMITS.pendingBytesMax + 800);
          sink.pendingBytes = Math.max(0, sink.pendingBytes - taken);
        }
        sink.pendingBytes = 0;
        take(step(100).lines);
        const last = moves.at(-1)?.price;
        if (last !== undefined) expect(told.findLast((line) => line.startsWith('BTC'))).toContain(`BTC ${last} `);
      }),
    );
  });
});
