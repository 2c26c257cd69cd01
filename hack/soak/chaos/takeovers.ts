/**
 * How long readers of the API had to wait for prices of a standby after the active feed was killed: until every price
 * server has answered with a record of every asset that was written after the kill. Pure.
 */
import type { Served } from './watch.ts';

/** What the dead one had sent may still be stored. */
const IN_FLIGHT_MS = 100;

export interface Takeovers {
  killed(atMs: number): void;
  see(served: Served): void;
  /** Of each kill that everybody has got over. */
  readonly tookMs: readonly number[];
  readonly isAwaited: boolean;
}

export function createTakeovers(pods: readonly string[], assets: readonly string[]): Takeovers {
  const tookMs: number[] = [];
  let killedMs: number | undefined;
  let missing = new Set<string>();
  return {
    killed(atMs) {
      killedMs = atMs;
      missing = new Set(pods.flatMap((pod) => assets.map((asset) => `${pod} ${asset}`)));
    },
    see({ pod, asset, seq, answeredMs }) {
      // A seq is the time of its writing, in µs.
      if (killedMs === undefined || seq <= (killedMs + IN_FLIGHT_MS) * 1_000) return;
      missing.delete(`${pod} ${asset}`);
      if (missing.size > 0) return;
      tookMs.push(answeredMs - killedMs);
      killedMs = undefined;
    },
    tookMs,
    get isAwaited() {
      return killedMs !== undefined;
    },
  };
}
