/** A heartbeat's way through all prices, and how many of them it looks at in one go. No clock of its own. */

/** Small enough that a chunk keeps the event loop, and a lease renewal behind it, for few milliseconds. */
export const CHUNK_RECORDS = 100;
/** Of what has changed, between two chunks of a heartbeat: what a venue tells of hundreds at once is sent in one go. */
export const ROUND_RECORDS = 800;
/** Of a heartbeat that is behind: changes wait for all of it, and each further chunk costs them a turn of the event loop. */
export const SWEEP_RECORDS = 300;

export interface SweepProgress {
  /** Prices of the feed, and those that were looked at. */
  readonly total: number;
  readonly done: number;
  readonly elapsedMs: number;
  /** Of the heartbeat: all prices should have been looked at by then. */
  readonly periodMs: number;
}

/**
 * One chunk while the heartbeat is in time, so that changes wait for little; when it falls behind, as much as it is behind by, up
 * to three: on a busy machine each wait for an answer takes several turns of the event loop, and a chunk at a time every price
 * would look older than it is.
 */
export function sweepShare({ total, done, elapsedMs, periodMs }: SweepProgress): number {
  const behind = Math.ceil((total * Math.min(elapsedMs, periodMs)) / periodMs) - done;
  return Math.max(CHUNK_RECORDS, Math.min(SWEEP_RECORDS, behind));
}

export interface SweepPlan {
  readonly assets: readonly string[];
  /** Those that are stored again even if their price stands. */
  readonly restated: ReadonlySet<string>;
  /** The number of the last batch before it. */
  readonly batchBefore: number;
  readonly startMs: number;
  readonly periodMs: number;
}

export class Sweep {
  readonly #plan: SweepPlan;
  readonly restated: ReadonlySet<string>;
  readonly batchBefore: number;
  #done = 0;

  constructor(plan: SweepPlan) {
    this.#plan = plan;
    this.restated = plan.restated;
    this.batchBefore = plan.batchBefore;
  }

  get isDone(): boolean {
    return this.#done >= this.#plan.assets.length;
  }

  /** What is next. */
  take(nowMs: number): readonly string[] {
    const { assets, startMs, periodMs } = this.#plan;
    const from = this.#done;
    this.#done += sweepShare({ total: assets.length, done: from, elapsedMs: nowMs - startMs, periodMs });
    return assets.slice(from, this.#done);
  }
}
