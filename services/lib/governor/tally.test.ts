import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER_LAW } from './shed-law.ts';
import { createTally, NO_COUNTS, type Counts } from './tally.ts';

const SECOND_US = 1_000_000;
const START_US = 1_900_000_000 * SECOND_US;
const failed = (total: number): Counts => ({ total, successes: 0, throttled: 0, asked: total });
const good = (total: number): Counts => ({ total, successes: total, throttled: 0, asked: total });

describe('tally', () => {
  it('knows the totals of the last 30 seconds by running totals alone', () => {
    const step = fc.record({
      passUs: fc.oneof(fc.nat({ max: 600_000 }), fc.nat({ max: 8_000_000 }), fc.constantFrom(29_000_000, 31_000_000)),
      total: fc.nat({ max: 50 }),
      failures: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const tally = createTally(CLUSTER_LAW);
        const seen: { second: number; total: number; successes: number }[] = [];
        let nowUs = START_US;
        for (const { passUs, total, failures } of steps) {
          nowUs += passUs;
          const second = Math.floor(nowUs / SECOND_US);
          const successes = Math.max(0, total - failures);
          seen.push({ second, total, successes });
          const reading = tally.step(nowUs, { total, successes, throttled: 0, asked: total }, false);
          const live = seen.filter((entry) => entry.second > second - 30);
          expect([reading.total, reading.successes]).toEqual([
            live.reduce((sum, entry) => sum + entry.total, 0),
            live.reduce((sum, entry) => sum + entry.successes, 0),
          ]);
        }
      }),
    );
  });

  it('rises at once and falls by 0.1 per second', () => {
    const tally = createTally(CLUSTER_LAW);
    expect(tally.step(START_US, failed(100), false).shedMicro).toBe(950_000);
    const later = tally.step(START_US + SECOND_US, good(10_000), false);
    expect(later.shedMicro).toBe(850_000);
    expect(tally.step(START_US + 5 * SECOND_US, NO_COUNTS, false).shedMicro).toBe(450_000);
    expect(tally.step(START_US + 12 * SECOND_US, NO_COUNTS, false).shedMicro).toBe(0);
  });

  it('is throttled by two bad readings in a row, and no more after 5 calm seconds', () => {
    const tally = createTally(CLUSTER_LAW);
    const atMs = (ms: number) => START_US + ms * 1_000;
    expect(tally.step(atMs(0), failed(30), false).isThrottled).toBe(false);
    expect(tally.step(atMs(250), NO_COUNTS, false).isThrottled).toBe(true);
    // The failures have left the last 10 s, and 0.95 has fallen to nothing.
    expect(tally.step(atMs(10_000), good(100), false)).toMatchObject({ shedMicro: 0, isThrottled: true });
    expect(tally.step(atMs(14_900), good(100), false).isThrottled).toBe(true);
    expect(tally.step(atMs(15_000), good(100), false).isThrottled).toBe(false);
  });

  it('is not throttled by one bad reading between good ones', () => {
    const tally = createTally(CLUSTER_LAW);
    for (let ms = 0; ms < 10_000; ms += 500) {
      const counts = ms === 3_000 ? { ...good(200), successes: 120 } : good(150);
      expect(tally.step(START_US + ms * 1_000, counts, false).isThrottled).toBe(false);
    }
  });

  it('grants one probe per second while it sheds, to whoever asks first', () => {
    const tally = createTally(CLUSTER_LAW);
    expect(tally.step(START_US, good(30), true).hasProbe).toBe(false);
    let granted = 0;
    for (let ms = 0; ms < 10_000; ms += 50) {
      if (tally.step(START_US + ms * 1_000, failed(1_000), true).hasProbe) granted += 1;
    }
    expect(granted).toBe(10);
  });

  it('lets no time pass when the clock is set back a little, and starts anew when it is set back far', () => {
    const tally = createTally(CLUSTER_LAW);
    tally.step(START_US, failed(100), false);
    expect(tally.step(START_US - 10 * SECOND_US, NO_COUNTS, false)).toMatchObject({ nowUs: START_US, total: 100 });
    const far = START_US - 3_600 * SECOND_US;
    expect(tally.step(far, NO_COUNTS, false)).toMatchObject({ nowUs: far, total: 0, shedMicro: 0 });
  });
});
