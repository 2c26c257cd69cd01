/**
 * One request in flight per host: the next one waits for its turn, those that somebody waits for before the others.
 *
 * Shared by all that call a host from one process. Who has waited for too long, or finds too many waiting, is told so.
 */
import type { Clock, Timer } from '@weir/clock';

/** background for prewarm and fallback, interactive while somebody waits. */
export type RequestClass = 'interactive' | 'background';

export interface HostLanes {
  /** Resolves to what ends the turn, to be called once; to `undefined` when there was no turn in time. */
  enter(host: string, requestClass: RequestClass, waitMsMax: number): Promise<(() => void) | undefined>;
}

interface Waiter {
  readonly begin: (leave: (() => void) | undefined) => void;
  readonly timer: Timer;
}

type Lane = Record<RequestClass, Set<Waiter>>;

const WAITING_MAX = 100;

export function createHostLanes(clock: Clock): HostLanes {
  // A host without an entry is free.
  const lanes = new Map<string, Lane>();

  const leaver = (host: string, lane: Lane) => (): void => {
    const [next] = lane.interactive.size > 0 ? lane.interactive : lane.background;
    if (next === undefined) {
      lanes.delete(host);
      return;
    }
    next.timer.cancel();
    lane.interactive.delete(next);
    lane.background.delete(next);
    next.begin(leaver(host, lane));
  };

  return {
    enter(host, requestClass, waitMsMax) {
      const lane = lanes.get(host);
      if (lane === undefined) {
        const fresh: Lane = { interactive: new Set(), background: new Set() };
        lanes.set(host, fresh);
        return Promise.resolve(leaver(host, fresh));
      }
      const waiting = lane[requestClass];
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
