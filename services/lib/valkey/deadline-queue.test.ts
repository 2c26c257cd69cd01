import type { Clock } from '@weir/clock';
import { createFakeClock, type FakeClock } from '@weir/testing';
import { beforeEach, expect, test } from 'vitest';

import { DeadlineQueue } from './deadline-queue.ts';

let clock: FakeClock;
let expired: string[];

beforeEach(() => {
  clock = createFakeClock();
  expired = [];
});

/** Ends the turn of the event loop, at which the calls of it go out. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(queue: DeadlineQueue, name: string) {
  return queue.start(() => expired.push(name));
}

/** A clock whose timers fire late, as those of a loop that was held up: time moves on before they run. */
function heldUp(latenessMs: () => number): Clock {
  return {
    ...clock,
    setTimeout: (run, delayMs) =>
      clock.setTimeout(() => {
        const lateMs = latenessMs();
        if (lateMs === 0) run();
        else clock.setTimeout(run, lateMs);
      }, delayMs),
  };
}

test('each expires once its time has passed, and one that is settled never does', async () => {
  const queue = new DeadlineQueue(clock, 50);
  start(queue, 'a');
  await nextTurn();
  await clock.advance(20);
  const settled = start(queue, 'settled');
  start(queue, 'b');
  await nextTurn();
  await clock.advance(29);
  expect(expired).toEqual([]);
  await clock.advance(1);
  await nextTurn();
  expect(expired).toEqual(['a']);
  expect(queue.settle(settled)).toBe(true);
  await clock.advance(100);
  await nextTurn();
  expect(expired).toEqual(['a', 'b']);
});

test('one that is settled lets go of its call', async () => {
  const queue = new DeadlineQueue(clock, 50);
  const expire = (): void => void expired.push('a');
  const deadline = queue.start(expire);
  expect(deadline.expire).toBe(expire);
  await nextTurn();
  queue.settle(deadline);
  expect(deadline.expire).not.toBe(expire);
});

test('settling tells whether it came in time', async () => {
  const queue = new DeadlineQueue(clock, 50);
  const deadline = start(queue, 'a');
  await nextTurn();
  await clock.advance(50);
  await nextTurn();
  expect(queue.settle(deadline)).toBe(false);
});

test('time runs from the end of the turn, when the call goes out', async () => {
  const queue = new DeadlineQueue(clock, 50);
  const deadline = start(queue, 'a');
  // As if this very turn had taken so long.
  const advanced = clock.advance(500);
  expect(deadline.startedMs).toBeUndefined();
  await advanced;
  await nextTurn();
  expect(expired).toEqual(['a']);
  expect(deadline.startedMs).toBeGreaterThanOrEqual(0);
});

test('a reply that the loop reads after the timer, but before it looks again, is in time', async () => {
  let wasInTime = false;
  const queue = new DeadlineQueue(
    {
      ...clock,
      // Behind every timer, in the same turn: what a socket delivers.
      setTimeout: (run, delayMs) =>
        clock.setTimeout(() => {
          run();
          wasInTime = queue.settle(deadline);
        }, delayMs),
    },
    50,
  );
  const deadline = start(queue, 'a');
  await nextTurn();
  await clock.advance(50);
  await nextTurn();
  expect([wasInTime, expired]).toEqual([true, []]);
});

test('when the timer was late every due call gets its time once more, and only once', async () => {
  let lateMs = 100;
  const queue = new DeadlineQueue(
    heldUp(() => lateMs),
    50,
  );
  start(queue, 'a');
  const answered = start(queue, 'answered');
  await nextTurn();
  await clock.advance(150);
  await nextTurn();
  expect(expired).toEqual([]);
  queue.settle(answered);
  await clock.advance(149);
  expect(expired).toEqual([]);
  await clock.advance(1);
  await nextTurn();
  expect(expired).toEqual(['a']);
  lateMs = 0;
  start(queue, 'next');
  await nextTurn();
  await clock.advance(50);
  await nextTurn();
  expect(expired).toEqual(['a', 'next']);
});

test('one timer serves thousands of calls, and none is left when all are answered', async () => {
  const queue = new DeadlineQueue(clock, 50);
  for (let turn = 0; turn < 100; turn += 1) {
    const calls = Array.from({ length: 100 }, (_, index) => start(queue, `${turn}/${index}`));
    await nextTurn();
    expect(clock.pendingTimers).toBe(1);
    for (const call of calls) queue.settle(call);
    await clock.advance(10);
  }
  await clock.advance(100);
  await nextTurn();
  expect([expired, clock.pendingTimers]).toEqual([[], 0]);
});

test('closed, nothing expires', async () => {
  const queue = new DeadlineQueue(clock, 50);
  start(queue, 'a');
  await nextTurn();
  queue.close();
  await clock.advance(100);
  await nextTurn();
  expect([expired, clock.pendingTimers]).toEqual([[], 0]);
});
