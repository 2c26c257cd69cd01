/**
 * Holds served prices against the true ones, as somebody who reads the API and knows the truth.
 *
 * The rule of a price is that of `price-band.ts`: it lies between the least and the greatest true price from its instant,
 * `timestamp`, until now, give or take what the circumstances allow. An age that pretends to be younger than it is breaks
 * it as soon as the true price has moved on; and it must be the time from the instant to the answer besides.
 */

import type { Span } from './circumstances.ts';

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
  readonly rule: 'band' | 'age' | 'future' | 'order' | 'liar' | 'value';
  readonly detail: string;
  readonly served: Served;
}

export interface WatchOptions {
  /** What a price may differ by that was made in this time; `undefined`: nothing is promised. */
  readonly slackBps: (asset: string, time: Span, rateBps: number) => number | undefined;
  /** Venues that are no sources of the asset at this instant, having lied for so long. */
  readonly liarsSince: (asset: string, atMs: number, forMs: number) => readonly string[];
  /** How far a timestamp may go back: when a vote is withdrawn or turned down, older ones count again. */
  readonly freshMs: number;
  /** How long before its instant the price may have been true: the way of a frame, and the load of this machine. */
  readonly lagMs: number;
}

export interface Watch {
  /** The true prices at an instant. */
  learn(atMs: number, truths: Readonly<Record<string, number>>): void;
  check(served: Served): Violation | undefined;
  readonly checked: number;
  /** Of which nothing was promised. */
  readonly unpromised: number;
  /** The greatest distance from the band that was seen, in basis points; negative: always within it. */
  readonly worstBps: number;
  /** The same, as a share of what was allowed. */
  readonly worstShare: number;
  readonly worstStepBackMs: number;
}

interface Truth {
  readonly atMs: number;
  readonly price: number;
}

const KEPT_MS = 180_000;
/** Two clocks that are read one after the other, and their rounding. */
const CLOCK_MS = 25;
/** A time that Valkey said is taken to be old by as long as its answer may have taken. */
const OLDER_MS = 250;
/** Until a lie that has begun is turned down, and what was published before is not served any more. */
const LIE_KNOWN_MS = 1_500;
const TETHER = 'USDT';
/** The rate is as of the last second, and its markets may have been away as long as a source counts. */
const RATE_AGE_MS = 10_000;

export function createWatch(options: WatchOptions): Watch {
  return new TruthWatch(options);
}

class TruthWatch implements Watch {
  readonly #options: WatchOptions;
  readonly #truths = new Map<string, Truth[]>();
  readonly #last = new Map<string, Served>();
  checked = 0;
  unpromised = 0;
  worstBps = -Infinity;
  worstShare = 0;
  worstStepBackMs = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  learn(atMs: number, prices: Readonly<Record<string, number>>): void {
    for (const [asset, price] of Object.entries(prices)) {
      const known = this.#truths.get(asset) ?? [];
      this.#truths.set(asset, known);
      if (known.at(-1)?.price !== price) known.push({ atMs, price });
      const dropped = lowerBound(known, atMs - KEPT_MS);
      if (dropped > 1_000) known.splice(0, dropped - 1);
    }
  }

  check(served: Served): Violation | undefined {
    this.checked += 1;
    const fail = (rule: Violation['rule'], detail: string): Violation => ({ rule, detail, served });
    const { asset, price, timestampMs, ageMs, seq, sources, askedMs, answeredMs } = served;
    if (!Number.isFinite(price) || price <= 0) return fail('value', `${price} is no price`);
    if (timestampMs > answeredMs + CLOCK_MS) return fail('future', 'the instant is yet to come');
    const earliest = askedMs - timestampMs - CLOCK_MS;
    const latest = answeredMs - timestampMs + OLDER_MS;
    if (ageMs < earliest || ageMs > latest) return fail('age', `an age from ${earliest} to ${latest} ms is true`);
    const goneBack = this.#checkOrder(served);
    if (goneBack !== undefined) return fail('order', goneBack);
    const liar = this.#options.liarsSince(asset, seq / 1_000, LIE_KNOWN_MS).find((venue) => hasSource(sources, venue));
    if (liar !== undefined) return fail('liar', `${liar} has been lying for more than ${LIE_KNOWN_MS} ms`);
    return this.#checkBand(served, fail);
  }

  #checkOrder(served: Served): string | undefined {
    const { pod, asset, seq, timestampMs } = served;
    const key = `${pod} ${asset}`;
    const before = this.#last.get(key);
    this.#last.set(key, served);
    if (before === undefined) return undefined;
    const stepBackMs = before.timestampMs - timestampMs;
    this.worstStepBackMs = Math.max(this.worstStepBackMs, stepBackMs);
    if (seq >= before.seq && stepBackMs <= this.#options.freshMs + CLOCK_MS) return undefined;
    return `seq ${before.seq} of ${before.timestampMs} was served before`;
  }

  #checkBand(served: Served, fail: (rule: 'band', detail: string) => Violation): Violation | undefined {
    const { asset, price, timestampMs, answeredMs } = served;
    const fromMs = timestampMs - this.#options.lagMs;
    const band = bandOf(this.#truths.get(asset) ?? [], fromMs, answeredMs);
    if (band === undefined) return undefined;
    const [lowRate, highRate] = bandOf(this.#truths.get(TETHER) ?? [], fromMs - RATE_AGE_MS, answeredMs) ?? [1, 1];
    const span = { fromMs, toMs: answeredMs };
    const slack = this.#options.slackBps(asset, span, (highRate / lowRate - 1) * 10_000);
    if (slack === undefined) {
      this.unpromised += 1;
      return undefined;
    }
    const [low, high] = band;
    const bps = Math.max((low - price) / low, (price - high) / high) * 10_000;
    this.worstBps = Math.max(this.worstBps, bps);
    this.worstShare = Math.max(this.worstShare, bps / slack);
    if (bps <= slack) return undefined;
    return fail('band', `${bps.toFixed(1)} bps beyond what has been true since, of ${slack.toFixed(1)} allowed`);
  }
}

const hasSource = (sources: readonly string[], venue: string): boolean =>
  sources.some((source) => source.startsWith(`${venue}-`));

/** The lowest and the highest true price of a time. */
function bandOf(known: readonly Truth[], fromMs: number, toMs: number): readonly [number, number] | undefined {
  const from = lowerBound(known, fromMs);
  let low = Infinity;
  let high = -Infinity;
  // The one before the span was still true when it began.
  for (let index = Math.max(0, from - 1); index < known.length; index += 1) {
    const truth = known[index];
    if (truth === undefined || truth.atMs > toMs) break;
    low = Math.min(low, truth.price);
    high = Math.max(high, truth.price);
  }
  return low === Infinity ? undefined : [low, high];
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
