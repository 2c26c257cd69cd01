import { WeirError, type ErrorCode } from '@weir/errors';
import { createFakeClock, silentLogger } from '@weir/testing';
import { expect, test } from 'vitest';

import { migrateWhenPossible } from './migrate-when-possible.ts';
import type { Postgres, Queries } from './postgres.ts';

/** A database that rejects every transaction until it is told otherwise. */
function open(code: ErrorCode) {
  const clock = createFakeClock();
  const attempts: number[] = [];
  const state = { isThere: false };
  const reject = (): Promise<never> => Promise.reject(new WeirError(code));
  const queries: Queries = { query: async () => [] };
  const postgres: Postgres = {
    query: reject,
    transaction: async (run) => {
      attempts.push(clock.monotonicMs());
      return state.isThere ? run(queries) : reject();
    },
    healthy: () => false,
    close: async () => {},
  };
  const stop = new AbortController();
  const done = migrateWhenPossible([], { postgres, clock, logger: silentLogger, signal: stop.signal });
  return { clock, attempts, state, stop, done };
}

test('tries again with growing delays until Postgres is there', async () => {
  const { clock, attempts, state, done } = open('POSTGRES_UNAVAILABLE');
  await clock.advance(100_000);
  expect(attempts.slice(0, 6)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  expect((attempts.at(-1) ?? 0) - (attempts.at(-2) ?? 0)).toBe(15_000);
  state.isThere = true;
  await clock.advance(15_000);
  await done;
  expect(clock.pendingTimers).toBe(0);
});

test('gives up on anything but its absence', async () => {
  const { attempts, done } = open('POSTGRES_REFUSED');
  await done;
  expect(attempts).toHaveLength(1);
});

test('ends with the process that waits', async () => {
  const { clock, stop, done } = open('POSTGRES_UNAVAILABLE');
  await clock.advance(100);
  stop.abort();
  await done;
  expect(clock.pendingTimers).toBe(0);
});
