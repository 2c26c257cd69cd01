import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createReplayWindow } from './replay-window.ts';

const NOW_MS = 1_795_166_698_123;

describe('the replay window', () => {
  test('admits a datagram once, for as long as its time is accepted', () => {
    const window = createReplayWindow();
    expect(window.admit(NOW_MS, NOW_MS, 1, 2)).toBe(true);
    expect(window.admit(NOW_MS + 29_000, NOW_MS, 3, 4)).toBe(true);
    for (const laterMs of [0, 1, 10_000, 29_999]) expect(window.admit(NOW_MS, NOW_MS + laterMs, 1, 2)).toBe(false);
    expect(window.admit(NOW_MS + 29_000, NOW_MS + 58_000, 3, 4)).toBe(false);
  });

  test('tells datagrams apart by either half of their mark', () => {
    const window = createReplayWindow();
    expect([window.admit(NOW_MS, NOW_MS, 1, 2), window.admit(NOW_MS, NOW_MS, 1, 3)]).toEqual([true, true]);
    expect([window.admit(NOW_MS, NOW_MS, 2, 2), window.admit(NOW_MS, NOW_MS, 0, 0)]).toEqual([true, true]);
    expect([window.admit(NOW_MS, NOW_MS, 0, 0), window.admit(NOW_MS, NOW_MS, 2, 2)]).toEqual([false, false]);
  });

  test('forgets what would no longer be accepted', () => {
    const window = createReplayWindow();
    for (let second = 0; second < 600; second += 1) {
      const nowMs = NOW_MS + second * 1_000;
      for (let index = 0; index < 100; index += 1) window.admit(nowMs, nowMs, second, index);
      expect(window.size).toBeLessThanOrEqual(100 * 52);
    }
  });

  test('admits nothing more when it cannot remember more, rather than admit one twice', () => {
    const window = createReplayWindow(2_000);
    const admit = (index: number): boolean => window.admit(NOW_MS, NOW_MS, index, index * 7);
    const first = Array.from({ length: 3_000 }, (_, index) => admit(index));
    expect(first.filter(Boolean)).toHaveLength(2_000);
    expect(Array.from({ length: 3_000 }, (_, index) => admit(index)).some(Boolean)).toBe(false);
    expect(window.admit(NOW_MS + 20_000, NOW_MS + 20_000, 0, 0)).toBe(true);
  });

  test('agrees with a plain set', () => {
    const word = fc.integer({ min: -2, max: 2 });
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, fc.nat(20_000)), { maxLength: 200 }), (marks) => {
        const window = createReplayWindow();
        const seen = new Set<string>();
        for (const [high, low, laterMs] of marks) {
          // One datagram has one time.
          const unixMs = NOW_MS + Math.abs(high) * 9_000;
          const second = high === 0 && low === 0 ? 1 : low;
          const name = `${high},${second}`;
          expect(window.admit(unixMs, NOW_MS + laterMs, high, low)).toBe(!seen.has(name));
          seen.add(name);
        }
      }),
    );
  });
});
