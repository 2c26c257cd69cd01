/** Whether this process has stood still: stopped by a signal, frozen, or starved. Pure but for the clock that it is given. */
import type { Clock } from '@weir/clock';

export interface StallDetector {
  /** Whether more than the limit has passed since the last look. */
  look(): boolean;
}

/** A process that runs looks more often than every `limitMs`; one that did not was not running. */
export function createStallDetector(clock: Pick<Clock, 'monotonicMs'>, limitMs: number): StallDetector {
  let lastMs = clock.monotonicMs();
  return {
    look() {
      const nowMs = clock.monotonicMs();
      const hasStalled = nowMs - lastMs > limitMs;
      lastMs = nowMs;
      return hasStalled;
    },
  };
}
