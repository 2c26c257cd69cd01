/** For what may happen on every frame: the first time is told at once, the rest at most once a minute, with their number. */
import type { Clock } from '@weir/clock';

const PERIOD_MS = 60_000;

/** `detail` is the last one. */
export function createQuietLog(clock: Clock, write: (count: number, detail: string) => void): (detail: string) => void {
  let count = 0;
  let toldAtMs = -Infinity;
  return (detail) => {
    count += 1;
    const nowMs = clock.monotonicMs();
    if (nowMs - toldAtMs < PERIOD_MS) return;
    write(count, detail);
    count = 0;
    toldAtMs = nowMs;
  };
}
