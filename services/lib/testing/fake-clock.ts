/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '@weir/clock';

export interface FakeClock extends Clock {
  /** Moves both times on, firing what falls due in order; promise callbacks run before and after each timer. */
  advance(ms: number): Promise<void>;
  /** Moves the wall time alone, as an operator or NTP may; fires nothing. */
  jumpWall(ms: number): void;
  /** Timers that are armed: a test of a closed thing expects 0. */
  readonly pendingTimers: number;
}

interface FakeTimer {
  readonly run: () => void;
  readonly periodMs: number | undefined;
  dueMs: number;
  /** Breaks ties: of timers due at one instant the one armed first fires first. */
  order: number;
}

/** A real immediate: every promise callback that is due runs before it. */
const settlePromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const DEFAULT_START_MS = Date.UTC(2026, 0, 1);

export function createFakeClock(startMs: number = DEFAULT_START_MS): FakeClock {
  const timers = new Set<FakeTimer>();
  let wallOffsetMs = startMs;
  let elapsedMs = 0;
  let order = 0;

  const arm = (run: () => void, delayMs: number, periodMs: number | undefined): Timer => {
    order += 1;
    const timer = { run, periodMs, dueMs: elapsedMs + Math.max(0, delayMs), order };
    timers.add(timer);
    return { cancel: () => void timers.delete(timer) };
  };
  const nextDue = (limitMs: number): FakeTimer | undefined => {
    let next: FakeTimer | undefined;
    for (const timer of timers) {
      if (timer.dueMs > limitMs) continue;
      if (!next || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) next = timer;
    }
    return next;
  };
  const fire = (timer: FakeTimer): void => {
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    if (timer.periodMs === undefined) {
      timers.delete(timer);
    } else {
      order += 1;
      timer.order = order;
      timer.dueMs += timer.periodMs;
    }
    timer.run();
  };

  return {
    nowMs: () => wallOffsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    setTimeout: (run, delayMs) => arm(run, delayMs, undefined),
    setInterval: (run, periodMs) => {
      if (!(periodMs > 0)) throw new RangeError(`no interval of ${periodMs} ms`);
      return arm(run, periodMs, periodMs);
    },
    async advance(ms) {
      const endMs = elapsedMs + ms;
      await settlePromises();
      for (let timer = nextDue(endMs); timer; timer = nextDue(endMs)) {
        fire(timer);
        await settlePromises();
      }
      elapsedMs = endMs;
    },
    jumpWall(ms) {
      wallOffsetMs += ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}
