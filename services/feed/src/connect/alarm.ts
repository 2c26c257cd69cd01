/** One timer for the earliest of many deadlines, which mostly move away: it is only set anew for a sooner one. */
import type { Clock, Timer } from '@weir/clock';

export interface Alarm {
  /** Monotonic; `undefined`: nothing is due. */
  set(atMs: number | undefined): void;
}

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let armed: { readonly atMs: number; readonly timer: Timer } | undefined;
  return {
    set(atMs) {
      if (armed !== undefined && (atMs === undefined || atMs < armed.atMs)) {
        armed.timer.cancel();
        armed = undefined;
      }
      if (atMs === undefined || armed !== undefined) return;
      const delayMs = Math.max(0, Math.ceil(atMs - clock.monotonicMs()));
      const run = (): void => {
        armed = undefined;
        ring();
      };
      armed = { atMs, timer: clock.setTimeout(run, delayMs) };
    },
  };
}
