import { sleep, systemClock } from '@weir/clock';
import { expect, test } from 'vitest';

import { createFakeClock } from './fake-clock.ts';

test('fires timers in order of their instants, ties in order of arming, each at its own time', async () => {
  const clock = createFakeClock();
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
  clock.setTimeout(note('late'), 20);
  clock.setTimeout(note('first'), 10);
  clock.setTimeout(note('second'), 10);
  await clock.advance(9);
  expect(fired).toEqual([]);
  await clock.advance(30);
  expect(fired).toEqual(['first@10', 'second@10', 'late@20']);
  expect(clock.monotonicMs()).toBe(39);
});

test('a timer armed by a promise callback of an earlier one fires within the same advance', async () => {
  const clock = createFakeClock();
  const done = (async () => {
    await sleep(clock, 10);
    await sleep(clock, 10);
    return clock.monotonicMs();
  })();
  await clock.advance(25);
  expect(await done).toBe(20);
});

test('an interval repeats until it is cancelled', async () => {
  const clock = createFakeClock();
  let runs = 0;
  const timer = clock.setInterval(() => (runs += 1), 10);
  await clock.advance(35);
  expect(runs).toBe(3);
  timer.cancel();
  await clock.advance(100);
  expect(runs).toBe(3);
  expect(clock.pendingTimers).toBe(0);
});

test('a jump of the wall moves no interval and fires nothing', async () => {
  const clock = createFakeClock(1_000);
  let fired = false;
  clock.setTimeout(() => (fired = true), 10);
  clock.jumpWall(-5_000);
  expect([clock.nowMs(), clock.monotonicMs(), fired]).toEqual([-4_000, 0, false]);
});

test('has the members of the system clock', () => {
  expect(Object.keys(createFakeClock())).toEqual(expect.arrayContaining(Object.keys(systemClock)));
});
