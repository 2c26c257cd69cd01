import { createFakeClock, type FakeClock } from '@weir/testing';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';

import { createServerTime, readTimeReply } from './server-time.ts';

let clock: FakeClock;
beforeEach(() => {
  clock = createFakeClock(1_000_000);
});

/** A server whose clock is so much ahead of ours, with the given way there and back for each question. */
function serverAhead(aheadMs: () => number, ways: [thereMs: number, backMs: number][]) {
  return async (): Promise<[string, string]> => {
    const [thereMs, backMs] = ways.shift() ?? [0, 0];
    await clock.advance(thereMs);
    const us = Math.round((clock.nowMs() + aheadMs()) * 1_000);
    await clock.advance(backMs);
    return [String(Math.floor(us / 1e6)), String(us % 1e6)];
  };
}

test('is the wall clock before the first sample', () => {
  const time = createServerTime({ clock, askTime: () => Promise.reject(new Error('away')) });
  expect(time.nowMs()).toBe(1_000_000);
  time.close();
});

test('takes the sample with the shortest round trip, and half of that for the way back', async () => {
  const ways: [number, number][] = [
    [100, 300],
    [10, 20],
    [500, 0],
  ];
  const time = createServerTime({ clock, askTime: serverAhead(() => 5_000, ways) });
  expect(await time.sample()).toBe(true);
  // True but for the difference of the two ways, halved.
  expect(time.nowMs() - (clock.nowMs() + 5_000)).toBe(-5);
  time.close();
});

test('a jump of our own wall clock does not move it', async () => {
  const time = createServerTime({ clock, askTime: serverAhead(() => 0, []) });
  await time.sample();
  const beforeMs = time.nowMs();
  clock.jumpWall(3_600_000);
  expect(time.nowMs()).toBe(beforeMs);
  time.close();
});

test('a server that gives no time leaves what is known', async () => {
  let isAway = false;
  const ask = serverAhead(() => 7_000, []);
  const time = createServerTime({ clock, askTime: () => (isAway ? Promise.reject(new Error('away')) : ask()) });
  await time.sample();
  isAway = true;
  expect(await time.sample()).toBe(false);
  expect(time.nowMs()).toBe(clock.nowMs() + 7_000);
  time.close();
});

test('behind a server whose clock is behind it runs at half speed until the two meet', async () => {
  let aheadMs = 10_000;
  const time = createServerTime({ clock, askTime: serverAhead(() => aheadMs, []) });
  await time.sample();
  const beforeMs = time.nowMs();
  aheadMs = 0;
  await time.sample();
  expect(time.nowMs()).toBe(beforeMs);
  await clock.advance(4_000);
  expect(time.nowMs()).toBe(beforeMs + 2_000);
  await clock.advance(16_000);
  expect(time.nowMs()).toBe(clock.nowMs());
  time.close();
});

test('samples again every 5 s, until it is closed', async () => {
  let asked = 0;
  const time = createServerTime({
    clock,
    askTime() {
      asked += 1;
      return Promise.resolve(['1000', '0']);
    },
  });
  await clock.advance(10_000);
  expect(asked).toBe(6);
  time.close();
  await clock.advance(10_000);
  expect(asked).toBe(6);
});

test('never goes back, whatever the server says and whenever it is asked', async () => {
  const step = fc.record({ aheadMs: fc.integer({ min: -60_000, max: 60_000 }), passMs: fc.nat(10_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      clock = createFakeClock();
      let aheadMs = 0;
      const time = createServerTime({ clock, askTime: serverAhead(() => aheadMs, []) });
      let lastMs = time.nowMs();
      for (const { aheadMs: nextMs, passMs } of steps) {
        aheadMs = nextMs;
        await time.sample();
        await clock.advance(passMs);
        const nowMs = time.nowMs();
        expect(nowMs).toBeGreaterThanOrEqual(lastMs);
        lastMs = nowMs;
      }
      time.close();
    }),
    { numRuns: 30 },
  );
});

test.each([[null], ['text'], [['1']], [['one', 'two']], [[]]])('%j is no time', (reply) => {
  expect(readTimeReply(reply)).toBeUndefined();
});
