/**
 * Holds served prices against the true ones, as somebody who reads the API and knows the truth.
 *
 * What is promised of an answer with the instant `timestamp`: at that instant the price was a true one, give or take what
 * venues differ by. So it has to lie within the true prices of the time around that instant, widened by `slackBps`. An age
 * that pretends to be younger than it is fails this as soon as the true price has moved on.
 */

export interface Served {
  /** Who has answered. */
  readonly pod: string;
  readonly asset: string;
  readonly price: number;
  /** What the answer says, in wall time. */
  readonly timestampMs: number;
  readonly ageMs: number;
  readonly seq: number;
  readonly flags: readonly string[];
  readonly sources: readonly string[];
  /** When it was asked for, and when it was there. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

export interface Violation {
  readonly rule: 'band' | 'age' | 'future' | 'order' | 'value';
  readonly detail: string;
  readonly served: Served;
}

export interface WatchOptions {
  readonly slackBps: number;
  /** How far from its instant the price may have been true: transport, conflation, and the load of this machine. */
  readonly lagMs: number;
}

export interface Watch {
  /** The true prices at an instant. */
  learn(atMs: number, truths: Readonly<Record<string, number>>): void;
  check(served: Served): Violation | undefined;
  readonly checked: number;
  /** The greatest distance from the band that was seen, in basis points; negative: always within it. */
  readonly worstBps: number;
}

interface Truth {
  readonly atMs: number;
  readonly price: number;
}

const KEPT_MS = 180_000;
/** Two clocks that are read one after the other, and their rounding. */
const CLOCK_MS = 25;

export function createWatch({ slackBps, lagMs }: WatchOptions): Watch {
  const truths = new Map<string, Truth[]>();
  const last = new Map<string, Served>();
  let checked = 0;
  let worstBps = -Infinity;

  const distanceBps = ({ asset, price, timestampMs }: Served): number | undefined => {
    const band = bandOf(truths.get(asset) ?? [], timestampMs, lagMs);
    if (band === undefined) return undefined;
    const [low, high] = band;
    return Math.max((low - price) / low, (price - high) / high) * 10_000;
  };

  return {
    learn(atMs, prices) {
      for (const [asset, price] of Object.entries(prices)) {
        const known = truths.get(asset) ?? [];
        truths.set(asset, known);
        if (known.at(-1)?.price !== price) known.push({ atMs, price });
        const dropped = lowerBound(known, atMs - KEPT_MS);
        if (dropped > 1_000) known.splice(0, dropped - 1);
      }
    },
    check(served) {
      checked += 1;
      const fail = (rule: Violation['rule'], detail: string): Violation => ({ rule, detail, served });
      const { pod, asset, price, timestampMs, ageMs, seq, askedMs, answeredMs } = served;
      if (!Number.isFinite(price) || price <= 0) return fail('value', `${price} is no price`);
      if (timestampMs > answeredMs + CLOCK_MS) return fail('future', 'the instant is yet to come');
      const earliest = askedMs - timestampMs - CLOCK_MS;
      const latest = answeredMs - timestampMs + CLOCK_MS;
      if (ageMs < earliest || ageMs > latest) return fail('age', `an age from ${earliest} to ${latest} ms is true`);
      const key = `${pod} ${asset}`;
      const before = last.get(key);
      if (before !== undefined && (seq < before.seq || timestampMs < before.timestampMs - CLOCK_MS)) {
        return fail('order', `seq ${before.seq} of ${before.timestampMs} was served before`);
      }
      last.set(key, served);
      const bps = distanceBps(served);
      if (bps === undefined) return undefined;
      worstBps = Math.max(worstBps, bps);
      return bps > slackBps ? fail('band', `${bps.toFixed(1)} bps away from what was true then`) : undefined;
    },
    get checked() {
      return checked;
    },
    get worstBps() {
      return worstBps;
    },
  };
}

/** The lowest and the highest true price around an instant. */
function bandOf(known: readonly Truth[], aroundMs: number, lagMs: number): readonly [number, number] | undefined {
  const from = lowerBound(known, aroundMs - lagMs);
  const inside: number[] = [];
  // The one before the span was still true when it began.
  for (let index = Math.max(0, from - 1); index < known.length; index += 1) {
    const truth = known[index];
    if (truth === undefined || truth.atMs > aroundMs + lagMs) break;
    inside.push(truth.price);
  }
  return inside.length === 0 ? undefined : [Math.min(...inside), Math.max(...inside)];
}

/** Index of the first truth at or after an instant. */
function lowerBound(known: readonly Truth[], atMs: number): number {
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((known[middle]?.atMs ?? Infinity) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
