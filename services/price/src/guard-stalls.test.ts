import type { Clock } from '@weir/clock';
import { createFakeClock, silentLogger, type FakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { createStallGuard, type StallGuard } from './guard-stalls.ts';

/** A clock whose process can be stopped: time goes on and no timer fires. */
function freezable(): { readonly clock: Clock; readonly running: FakeClock; freeze(ms: number): void } {
  const running = createFakeClock();
  let frozenMs = 0;
  const clock: Clock = { ...running, monotonicMs: () => running.monotonicMs() + frozenMs };
  return { clock, running, freeze: (ms) => void (frozenMs += ms) };
}

const isHeld = (guard: StallGuard): boolean => guard.hold() !== undefined;

test('a process that runs is never held', async () => {
  const { clock, running } = freezable();
  let asked = 0;
  const guard = createStallGuard({ clock, logger: silentLogger, refresh: () => Promise.resolve(void (asked += 1)) });
  for (let turn = 0; turn < 100; turn += 1) {
    await running.advance(100);
    expect(guard.hold()).toBeUndefined();
  }
  expect(asked).toBe(0);
  guard.close();
  expect(running.pendingTimers).toBe(0);
});

test('the first look after a stall holds, until what was asked for after it has come', async () => {
  const { clock, running, freeze } = freezable();
  const answers: (() => void)[] = [];
  const refresh = (): Promise<void> => new Promise((resolve) => answers.push(resolve));
  const guard = createStallGuard({ clock, logger: silentLogger, refresh });
  freeze(1_400);
  expect(isHeld(guard)).toBe(false);
  freeze(1_600);
  expect(isHeld(guard)).toBe(true);
  await running.advance(1_000);
  expect(isHeld(guard)).toBe(true);
  freeze(5_000);
  expect(isHeld(guard)).toBe(true);
  answers[0]?.();
  await running.advance(10);
  // What was asked before the second stall is no answer to it.
  expect(isHeld(guard)).toBe(true);
  answers[1]?.();
  await running.advance(10);
  expect(isHeld(guard)).toBe(false);
  expect(answers).toHaveLength(2);
  guard.close();
});

test('a Valkey that cannot be asked is asked again, and after 2 s the process goes on with what it has', async () => {
  const { clock, running, freeze } = freezable();
  let asked = 0;
  const guard = createStallGuard({
    clock,
    logger: silentLogger,
    refresh: () => {
      asked += 1;
      return Promise.reject(new Error('away'));
    },
  });
  freeze(10_000);
  expect(isHeld(guard)).toBe(true);
  await running.advance(1_900);
  expect(isHeld(guard)).toBe(true);
  expect(asked).toBeGreaterThan(10);
  await running.advance(200);
  expect(isHeld(guard)).toBe(false);
  guard.close();
});

test('its own timer finds a stall when nobody asks', async () => {
  const { clock, running, freeze } = freezable();
  let asked = 0;
  const guard = createStallGuard({ clock, logger: silentLogger, refresh: () => Promise.resolve(void (asked += 1)) });
  freeze(2_000);
  await running.advance(250);
  expect(asked).toBe(1);
  guard.close();
});
