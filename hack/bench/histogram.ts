/** Reads a histogram from a page in the text format of Prometheus, and asks it for quantiles. */

export interface Histogram {
  /** Upper bounds, ascending, the last one infinite. */
  readonly bounds: readonly number[];
  /** Samples up to each bound. */
  readonly cumulative: readonly number[];
  readonly count: number;
}

/** Over all labels; of a metric that is not there: no samples. */
export function readHistogram(page: string, metric: string): Histogram {
  const byBound = new Map<number, number>();
  const expression = new RegExp(`^${metric}_bucket\\{(?:[^}]*,)?le="([^"]+)"[^}]*\\} (\\S+)`, 'gm');
  for (const [, bound = '', samples = ''] of page.matchAll(expression)) {
    const limit = bound === '+Inf' ? Infinity : Number(bound);
    byBound.set(limit, (byBound.get(limit) ?? 0) + Number(samples));
  }
  const entries = [...byBound].toSorted(([a], [b]) => a - b);
  const cumulative = entries.map(([, samples]) => samples);
  return { bounds: entries.map(([bound]) => bound), cumulative, count: cumulative.at(-1) ?? 0 };
}

/** What was added since `before`, of the same metric. */
export function subtractHistogram(after: Histogram, before: Histogram): Histogram {
  const cumulative = after.cumulative.map((samples, index) => samples - (before.cumulative[index] ?? 0));
  return { bounds: after.bounds, cumulative, count: cumulative.at(-1) ?? 0 };
}

/** Linear within a bucket; of samples beyond the last finite bound: that bound. NaN of nothing. */
export function histogramQuantile({ bounds, cumulative, count }: Histogram, share: number): number {
  if (count === 0) return Number.NaN;
  const rank = share * count;
  const index = cumulative.findIndex((samples) => samples >= rank);
  const upper = bounds[index] ?? Number.NaN;
  const lower = index > 0 ? (bounds[index - 1] ?? 0) : 0;
  if (upper === Infinity) return lower;
  const below = index > 0 ? (cumulative[index - 1] ?? 0) : 0;
  const inside = (cumulative[index] ?? 0) - below;
  return inside === 0 ? upper : lower + ((upper - lower) * (rank - below)) / inside;
}
