/**
 * From what each source last said of a pair to the one price that is published. Pure, and exact: no float anywhere.
 *
 * The promise of `confirmedMs`: every vote that went into the price was known to be current at that instant or later.
 * So the age shown is never younger than any input. That a venue which has fallen silent does not make the whole price
 * look old is the work of `contemporaries`: old votes step aside as soon as enough newer ones are there. Before they do,
 * they have judged which votes are implausible.
 */
import { medianDecimal, type Decimal, type FeedDocument, type Freshness, type PriceFlag } from '@weir/wire';
import { settleDispute, type Dispute, type Disputed } from './settle-dispute.ts';

/** What one source last said, and when that was last known to be current. */
export interface Vote {
  /** As records name it, e.g. "coinbase-ws". */
  readonly source: string;
  readonly price: Decimal;
  /** Half the distance between its bid and its ask. */
  readonly halfSpread: Decimal;
  /** Monotonic. */
  readonly confirmedMs: number;
  /** Since when it has said this price, monotonic. */
  readonly movedMs: number;
  /** When it last left the price about which it had been, monotonic; -Infinity: never. */
  readonly leftMs: number;
}

export type AggregationRules = FeedDocument['aggregation'] & { readonly freshness: Freshness };

export interface Aggregate {
  readonly price: Decimal;
  /** The wider side of the middle half of the votes. */
  readonly confidence: Decimal;
  /** Confirmation of the oldest counted vote, monotonic. */
  readonly confirmedMs: number;
  /** Arrival of the first quote that made it another price, monotonic; absent: time has, or the rate of USDT. */
  readonly causedMs?: number;
  /** Sources of the counted votes, in the order of the document. */
  readonly sources: readonly string[];
  readonly flags: readonly PriceFlag[];
  /** Votes that were left out as implausible. */
  readonly outliers: number;
  /** Of two that differ; absent: there is none. */
  readonly dispute?: Dispute;
}

const BPS = 10_000n;
/** 5 × 1.4826: five standard deviations of a normal distribution, by its median absolute deviation. */
const MADS_MAX = 7_413n;
const MADS_UNIT = 1_000n;
const NO_FLAGS: readonly PriceFlag[] = [];
const SINGLE: readonly PriceFlag[] = ['single'];
const DISPUTED: readonly PriceFlag[] = ['disputed'];

/** `undefined` when too few sources agree: the caller keeps what it had, whose age goes on rising. */
export function aggregateQuotes(
  votes: readonly Vote[],
  rules: AggregationRules,
  nowMs: number,
  previous?: Disputed,
): Aggregate | undefined {
  const eligible = votes.filter((vote) => nowMs - vote.confirmedMs <= rules.freshness.staleMs);
  const [first] = eligible;
  if (first === undefined || eligible.length < rules.minSources) return undefined;
  if (rules.method === 'Priority') {
    const chosen = eligible.find((vote) => nowMs - vote.confirmedMs <= rules.freshness.freshMs) ?? first;
    return combine([chosen], eligible.length === 1 ? SINGLE : NO_FLAGS, 0);
  }
  const disputed = disputeOf(eligible, rules, nowMs, previous);
  if (disputed !== undefined) {
    if (rules.minSources > 1) return undefined;
    return { ...combine([disputed.stands], DISPUTED, 1), dispute: disputed.dispute };
  }
  const plausible = withoutOutliers(eligible, rules.maxDeviationBps);
  if (plausible.length < rules.minSources) return undefined;
  const counted = contemporaries(plausible, rules);
  const flags = counted.length === 1 ? SINGLE : NO_FLAGS;
  return combine(counted, flags, eligible.length - plausible.length);
}

/** Whether two aggregates say the same, whenever it was confirmed. */
export function isSameValue(a: Aggregate, b: Aggregate): boolean {
  return (
    a.price === b.price && a.confidence === b.confidence && areSame(a.sources, b.sources) && areSame(a.flags, b.flags)
  );
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

/** Votes confirmed within one fresh time of the newest one; older ones only while they are needed for `minSources`. */
function contemporaries(votes: readonly Vote[], rules: AggregationRules): readonly Vote[] {
  let newest = -Infinity;
  let oldest = Infinity;
  for (const { confirmedMs } of votes) {
    if (confirmedMs > newest) newest = confirmedMs;
    if (confirmedMs < oldest) oldest = confirmedMs;
  }
  if (newest - oldest <= rules.freshness.freshMs) return votes;
  const newestFirst = votes.map((vote) => vote.confirmedMs).toSorted((a, b) => b - a);
  const needed = newestFirst[rules.minSources - 1] ?? newest;
  const since = Math.min(newest - rules.freshness.freshMs, needed);
  return votes.filter((vote) => vote.confirmedMs >= since);
}

/**
 * Votes further from the median than allowed are not counted, the furthest first and never half of them or more:
 * a majority cannot be wrong by this rule. Two have no majority: see `disputeOf`.
 */
function withoutOutliers(votes: readonly Vote[], maxDeviationBps: number): readonly Vote[] {
  if (votes.length <= 2) return votes;
  const median = medianDecimal(votes.map((vote) => vote.price));
  const allowed = allowedFrom(median, maxDeviationBps);
  const distances = votes.map((vote) => distance(vote.price, median));
  if (distances.every((one) => one <= allowed)) return votes;
  const limit = votes.length === 3 ? allowed * 2n : larger((medianDecimal(distances) * MADS_MAX) / MADS_UNIT, allowed);
  const mayReject = (votes.length - 1) >> 1;
  const rejected = new Set(
    [...votes.keys()]
      .filter((index) => (distances[index] ?? 0n) > limit)
      .toSorted((x, y) => compare(distances[y] ?? 0n, distances[x] ?? 0n))
      .slice(0, mayReject),
  );
  return rejected.size === 0 ? votes : votes.filter((_vote, index) => !rejected.has(index));
}

/** Of two votes alone that are further apart than allowed. */
function disputeOf(
  votes: readonly Vote[],
  { maxDeviationBps }: AggregationRules,
  nowMs: number,
  previous: Disputed | undefined,
): ReturnType<typeof settleDispute<Vote>> | undefined {
  const [a, b] = votes;
  if (a === undefined || b === undefined || votes.length > 2) return undefined;
  const allowed = allowedFrom(medianDecimal([a.price, b.price]), maxDeviationBps);
  return distance(a.price, b.price) <= allowed ? undefined : settleDispute([a, b], previous, nowMs);
}

const allowedFrom = (median: Decimal, maxDeviationBps: number): Decimal => (BigInt(maxDeviationBps) * median) / BPS;

function combine(votes: readonly Vote[], flags: readonly PriceFlag[], outliers: number): Aggregate {
  let confirmedMs = Infinity;
  for (const vote of votes) if (vote.confirmedMs < confirmedMs) confirmedMs = vote.confirmedMs;
  const price = medianDecimal(votes.map((vote) => vote.price));
  const confidence = confidenceOf(votes, price);
  return { price, confidence, confirmedMs, sources: votes.map((vote) => vote.source), flags, outliers };
}

/** Each source says its price, and the same with half its spread to either side: a wide market weighs less by itself. */
function confidenceOf(votes: readonly Vote[], price: Decimal): Decimal {
  const [only] = votes;
  if (votes.length === 1 && only !== undefined) return only.halfSpread;
  const said = votes
    .flatMap((vote) => [vote.price - vote.halfSpread, vote.price, vote.price + vote.halfSpread])
    .toSorted(compare);
  const quarter = said.length >> 2;
  const widest = larger(price - (said[quarter] ?? price), (said[said.length - 1 - quarter] ?? price) - price);
  // More than the price itself says no more.
  return widest > price ? price : widest;
}

const compare = (a: Decimal, b: Decimal): number => (a < b ? -1 : a > b ? 1 : 0);
const larger = (a: Decimal, b: Decimal): Decimal => (a < b ? b : a);
const distance = (a: Decimal, b: Decimal): Decimal => (a < b ? b - a : a - b);
