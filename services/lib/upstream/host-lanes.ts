/**
 * Requests that nobody waits for go to a host one by one: the next one waits for its turn.
 *
 * Shared by all that call a host from one process. Who has waited for too long, or finds too many waiting, is told so. What
 * somebody waits for takes no turn: the governor bounds how many of those are in flight.
 */
import type { Clock, Timer } from '@weir/clock';

export interface HostLanes {
  /** Resolves to what ends the turn, to be called once; to `undefined` when there was no turn in time. */
  enter(host: string, waitMsMax: number): Promise<(() => void) | undefined>;
}

interface Waiter {
  readonly begin: (leave: (() => void) | undefined) => void;
  readonly timer: Timer;
}

const WAITING_MAX = 100;

export function createHostLanes(clock: Clock): HostLanes {
  // Those who wait; a host without an entry is free.
  const lanes = new Map<string, Set<Waiter>>();

  const leaver = (host: string, waiting: Set<Waiter>) => (): void => {
    const [next] = waiting;
    if (next === undefined) {
      lanes.delete(host);
      return;
    }
    next.timer.cancel();
    waiting.delete(next);
    next.begin(leaver(host, waiting));
  };

  return {
    enter(host, waitMsMax) {
      const waiting = lanes.get(host);
      if (waiting === undefined) {
        const fresh = new Set<Waiter>();
        lanes.set(host, fresh);
        return Promise.resolve(leaver(host, fresh));
      }
      if (waiting.size >= WAITING_MAX || waitMsMax <= 0) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const giveUp = (): void => {
          waiting.delete(waiter);
          resolve(undefined);
        };
        const waiter: Waiter = { begin: resolve, timer: clock.setTimeout(giveUp, waitMsMax) };
        waiting.add(waiter);
      });
    },
  };
}
