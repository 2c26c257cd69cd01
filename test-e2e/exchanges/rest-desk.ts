/** Where a venue's REST requests arrive: counted, then answered by the protocol, or as the venue's faults have it. */
import type { Random } from './random.ts';
import type { RestAnswer } from './protocol.ts';
import type { Strikes } from './strikes.ts';
import { throttleRest } from './throttle-rest.ts';
import type { VenueFaults, WrongBody } from './venue-faults.ts';

export interface RestRequestSeen {
  /** With the query. */
  readonly path: string;
  readonly monotonicMs: number;
  readonly status: number | 'none';
}

export interface RestDesk {
  /** `undefined`: nothing is ever answered. */
  handle(path: string, monotonicMs: number): RestAnswer | undefined;
  /** All that ever came. */
  readonly count: number;
  /** The last ones, oldest first. */
  readonly seen: readonly RestRequestSeen[];
}

const SEEN_MAX = 10_000;
const WRONG: Readonly<Record<WrongBody, (body: string) => string>> = {
  html: () => '<html><head><title>Just a moment...</title></head><body></body></html>',
  cut: (body) => body.slice(0, Math.floor(body.length / 2)),
  empty: () => '',
};

export interface RestDeskOptions {
  readonly venue: string;
  /** Wall time of the venue. */
  readonly nowMs: () => number;
  readonly faults: VenueFaults;
  readonly random: Random;
  readonly strikes: Strikes;
  readonly rest: (url: URL) => RestAnswer;
}

export function createRestDesk({ venue, nowMs, faults, random, strikes, rest }: RestDeskOptions): RestDesk {
  const seen: RestRequestSeen[] = [];
  let count = 0;
  const answer = (path: string): RestAnswer | undefined => {
    if (faults.restHangs) strikes.note('restHangs');
    if (faults.restHangs) return undefined;
    if (faults.restThrottleS !== undefined) {
      strikes.note('restThrottleS');
      return throttleRest(venue, faults.restThrottleS, nowMs());
    }
    if (faults.restErrorShare > 0 && random() < faults.restErrorShare) {
      strikes.note('restErrorShare');
      return { status: 500, body: '{"message":"Internal server error"}' };
    }
    const right = rest(new URL(path, 'http://venue'));
    if (faults.restWrongBody === undefined) return right;
    strikes.note('restWrongBody');
    return { ...right, body: WRONG[faults.restWrongBody](right.body) };
  };
  return {
    handle: (path, monotonicMs) => {
      const answered = answer(path);
      count += 1;
      seen.push({ path, monotonicMs, status: answered?.status ?? 'none' });
      if (seen.length > 2 * SEEN_MAX) seen.splice(0, seen.length - SEEN_MAX);
      return answered;
    },
    get count() {
      return count;
    },
    seen,
  };
}
