/** A `decide` client over the model of the script, whose answers a test holds back, fails or lets through. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@weir/clock';
import { WeirError, type ErrorCode } from '@weir/errors';
import { createDecisionModel } from './decision-model.ts';

export interface ModelCall {
  readonly args: readonly (string | number)[];
  answer(): Promise<void>;
  fail(code: ErrorCode): Promise<void>;
}

export function createModelValkey(clock: Clock) {
  const model = createDecisionModel(() => BigInt(Math.round(clock.monotonicMs() * 1_000)) + 1_700_000_000_000_000n);
  const listeners = new Set<() => void>();
  const calls: ModelCall[] = [];
  const state = { isHeld: false, health: 'closed' as 'closed' | 'open' };
  const decide = {
    get health() {
      return state.health;
    },
    onFailover(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    run(_script: unknown, [key = '']: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const answer = (): Promise<void> => {
        resolve(model.run(key, args));
        return setImmediate();
      };
      const fail = (code: ErrorCode): Promise<void> => {
        reject(new WeirError(code));
        return setImmediate();
      };
      calls.push({ args, answer, fail });
      if (!state.isHeld) void answer();
      return promise;
    },
  };
  return {
    decide,
    model,
    /** Every call so far, oldest first. */
    calls,
    /** From now on calls wait for the test to answer or fail them. */
    hold: () => void (state.isHeld = true),
    release: () => void (state.isHeld = false),
    setHealth: (health: 'closed' | 'open') => void (state.health = health),
    failOver() {
      for (const listener of listeners) listener();
    },
    listeners: () => listeners.size,
  };
}
