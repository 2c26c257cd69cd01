import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createReplayWindow, type ReplayWindow } from './replay-window.ts';

const NOW_MS = 1_795_166_698_123;

/** Looks, and remembers what is new. */
function take(window: ReplayWindow, unixMs: number, nowMs: number, high: number, low: number): string {
  const sight = window.look(unixMs, high, low);
  if (sight === 'new') window.add(unixMs, nowMs, high, low);
  return sight;
}

describe('the replay window', () => {
  test('takes a datagram once, for as long as its time is accepted', () => {
    const window = createReplayWindow();
    expect(take(window, NOW_MS, NOW_MS, 1, 2)).toBe('new');
    expect(take(window, NOW_MS + 29_000, NOW_MS, 3, 4)).toBe('new');
    for (const laterMs of [0, 1, 10_000, 29_999]) expect(take(window, NOW_MS, NOW_MS + laterMs, 1, 2)).toBe('seen');
    expect(take(window, NOW_MS + 29_000, NOW_MS + 58_000, 3, 4)).toBe('seen');
  });

  test('remembers nothing that was only looked for', () => {
    const window = createReplayWindow();
    for (let index = 0; index < 3; index += 1) expect(window.look(NOW_MS, 1, 2)).toBe('new');
    expect(window.size).toBe(0);
  });

  test('tells datagrams apart by either half of their mark', () => {
    const window = createReplayWindow();
    const marks = [
      [1, 2],
      [1, 3],
      [2, 2],
      [0, 0],
      [-1, 2],
    ] as const;
    for (const expected of ['new', 'seen'])
      for (const [high, low] of marks) expect(take(window, NOW_MS, NOW_MS, high, low)).toBe(expected);
  });

  test('forgets what would no longer be accepted', () => {
    const window = createReplayWindow();
    for (let second = 0; second < 600; second += 1) {
      const nowMs = NOW_MS + second * 1_000;
      for (let index = 0; index < 100; index += 1) take(window, nowMs, nowMs, second, index);
      expect(window.size).toBeLessThanOrEqual(100 * 52);
    }
  });

  test('takes nothing new when it cannot remember more, and still knows what it has taken', () => {
    const window = createReplayWindow(2_000);
    const takeOne = (index: number): string => take(window, NOW_MS, NOW_MS, index, index * 7);
    const first = Array.from({ length: 3_000 }, (_, index) => takeOne(index));
    expect(first).toEqual(Array.from(first, (_, index) => (index < 2_000 ? 'new' : 'full')));
    expect(Array.from({ length: 3_000 }, (_, index) => takeOne(index))).toEqual(
      Array.from(first, (_, index) => (index < 2_000 ? 'seen' : 'full')),
    );
    expect(take(window, NOW_MS + 20_000, NOW_MS + 20_000, 0, 0)).toBe('new');
  });

  test('is never filled to where a search would not end, whoever adds without looking', () => {
    const window = createReplayWindow(10);
    for (let index = 0; index < 1_000; index += 1) window.add(NOW_MS, NOW_MS, index, index);
    expect(window.look(NOW_MS, 2_000, 2_000)).toBe('full');
    expect(window.size).toBeLessThan(16);
  });

  test('keeps nobody waiting while it fills, and holds what is asked in ten seconds in 8 MB', () => {
    const window = createReplayWindow();
    const bytesBefore = process.memoryUsage().arrayBuffers;
    let mostMicros = 0;
    let mark = 1;
    for (let batch = 0; batch < 9_000; batch += 1) {
      // Time of this thread on a processor: what else the machine does counts for nothing.
      const before = process.threadCpuUsage();
      for (let index = 0; index < 100; index += 1) {
        mark = Math.imul(mark, 1_664_525) + 1_013_904_223;
        window.add(NOW_MS, NOW_MS, Math.imul(mark, 0x9e_37_79_b1), Math.imul(mark ^ (mark >>> 15), 0x85_eb_ca_6b));
      }
      mostMicros = Math.max(mostMicros, process.threadCpuUsage(before).user);
    }
    expect(window.size).toBe(900_000);
    expect(mostMicros).toBeLessThan(20_000);
    expect(process.memoryUsage().arrayBuffers - bytesBefore).toBeLessThanOrEqual(9 * 1024 * 1024);
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
          expect(take(window, unixMs, NOW_MS + laterMs, high, low)).toBe(seen.has(name) ? 'seen' : 'new');
          seen.add(name);
        }
      }),
    );
  });
});
