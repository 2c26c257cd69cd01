/** How often this process may ask Postgres for keys: at most `limit` times in any second, exactly. */

export interface LookupRate {
  /** Whether one look-up may be made at this instant; if so it is counted. */
  take(monotonicMs: number): boolean;
}

/** Remembers the last `limit` look-ups: the next may be made once the oldest of them is a second old. */
export function createLookupRate(limit: number): LookupRate {
  const takenAt = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  let oldest = 0;
  return {
    take(monotonicMs) {
      if (monotonicMs - (takenAt[oldest] ?? 0) < 1_000) return false;
      takenAt[oldest] = monotonicMs;
      oldest = (oldest + 1) % limit;
      return true;
    },
  };
}
