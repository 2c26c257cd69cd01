/** How late the event loop runs: a process whose loop stands still renews no Lease and answers nobody. */
import type { Clock } from '@weir/clock';

export interface LoopWatch {
  /** The longest delay of the last while, in ms. */
  worstMs(): number;
  stop(): void;
}

const PERIOD_MS = 500;
/**
 * A delay is remembered for this long, or for twice as long at most: so that a probe every 10 s sees it, and so that one
 * stall, which has passed, does not last for the 6 probes in a row after which a process is restarted.
 */
const WINDOW_MS = 10_000;

export function watchLoop(clock: Clock): LoopWatch {
  let tickedMs = clock.monotonicMs();
  let windowMs = tickedMs;
  let worst = { before: 0, now: 0 };
  const timer = clock.setInterval(() => {
    const nowMs = clock.monotonicMs();
    if (nowMs - windowMs >= WINDOW_MS) {
      worst = { before: worst.now, now: 0 };
      windowMs = nowMs;
    }
    worst.now = Math.max(worst.now, nowMs - tickedMs - PERIOD_MS);
    tickedMs = nowMs;
  }, PERIOD_MS);
  return {
    worstMs: () => Math.max(worst.before, worst.now, clock.monotonicMs() - tickedMs - PERIOD_MS),
    stop: () => timer.cancel(),
  };
}
