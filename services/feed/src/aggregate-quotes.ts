/**
 * From what each source last said of a pair to the one price that is published. Pure.
 *
 * The promise of `confirmedMs`: every vote that went into the price was known to be current at that instant or later.
 * So the age shown is never younger than any input. That a venue which has fallen silent does not make the whole price
 * look old is the work of `contemporaries`: old votes step aside as soon as enough newer ones are there.
 */
import { medianDecimal, type Decimal, type FeedDocument, type Freshness } from '@weir/wire';

/** What one source last said, and when that was last known to be current. */
export interface Vote {
  /** As records name it, e.g. "coinbase-ws". */
  readonly source: string;
  readonly price: Decimal;
  /** Monotonic. */
  readonly confirmedMs: number;
}

export type AggregationRules = FeedDocument['aggregation'] & { readonly freshness: Freshness };

export interface Aggregate {
  readonly price: Decimal;
  /** Half of the distance between the lowest and the highest counted vote. */
  readonly confidence: Decimal;
  /** Confirmation of the oldest counted vote, monotonic. */
  readonly confirmedMs: number;
  /** Confirmation of the newest counted vote, monotonic: the frame that may have caused this. */
  readonly newestMs: number;
  /** Sources of the counted votes, in the order of the document. */
  readonly sources: readonly string[];
}

const BPS = 10_000n;

/** `undefined` when too few sources agree: the caller keeps what it had, whose age goes on rising. */
export function aggregateQuotes(
  votes: readonly Vote[],
  rules: AggregationRules,
  nowMs: number,
  previous?: Aggregate,
): Aggregate | undefined {
  const eligible = votes.filter((vote) => nowMs - vote.confirmedMs <= rules.freshness.staleMs);
  const [first] = eligible;
  if (first === undefined || eligible.length < rules.minSources) return undefined;
  if (rules.method === 'Priority') {
    return combine([eligible.find((vote) => nowMs - vote.confirmedMs <= rules.freshness.freshMs) ?? first]);
  }
  const counted = withoutOutliers(contemporaries(eligible, rules), rules.maxDeviationBps, previous?.price);
  return counted.length < rules.minSources ? undefined : combine(counted);
}

/** Whether two aggregates say the same, whenever it was confirmed. */
export function isSameValue(a: Aggregate, b: Aggregate): boolean {
  return (
    a.price === b.price &&
    a.confidence === b.confidence &&
    a.sources.length === b.sources.length &&
    a.sources.every((source, index) => source === b.sources[index])
  );
}

/** Votes confirmed within one fresh time of the newest one; older ones only while they are needed for `minSources`. */
function contemporaries(votes: readonly Vote[], rules: AggregationRules): readonly Vote[] {
  const newestFirst = votes.map((vote) => vote.confirmedMs).toSorted((a, b) => b - a);
  const newest = newestFirst[0] ?? 0;
  const needed = newestFirst[rules.minSources - 1] ?? newest;
  const since = Math.min(newest - rules.freshness.freshMs, needed);
  return votes.filter((vote) => vote.confirmedMs >= since);
}

/**
 * Votes further from the median than allowed are not counted, the furthest first and never half of them or more:
 * a majority cannot be wrong by this rule. Two that disagree have no majority: the one nearer to the previous price
 * stands, or without a previous price the one that the document lists first.
 */
function withoutOutliers(votes: readonly Vote[], maxDeviationBps: number, previous?: Decimal): readonly Vote[] {
  const median = medianDecimal(votes.map((vote) => vote.price));
  const isOutlier = (vote: Vote): boolean => distance(vote.price, median) * BPS > BigInt(maxDeviationBps) * median;
  const [a, b] = votes;
  if (votes.length === 2 && a !== undefined && b !== undefined) {
    if (distance(a.price, b.price) * BPS <= BigInt(maxDeviationBps) * median) return votes;
    return [previous !== undefined && distance(b.price, previous) < distance(a.price, previous) ? b : a];
  }
  const mayReject = (votes.length - 1) >> 1;
  const rejected = votes
    .filter(isOutlier)
    .toSorted((x, y) => compare(distance(y.price, median), distance(x.price, median)))
    .slice(0, mayReject);
  return rejected.length === 0 ? votes : votes.filter((vote) => !rejected.includes(vote));
}

function combine(votes: readonly Vote[]): Aggregate {
  const prices = votes.map((vote) => vote.price);
  const sorted = prices.toSorted(compare);
  const confirmations = votes.map((vote) => vote.confirmedMs);
  return {
    price: medianDecimal(prices),
    confidence: ((sorted.at(-1) ?? 0n) - (sorted[0] ?? 0n)) / 2n,
    confirmedMs: Math.min(...confirmations),
    newestMs: Math.max(...confirmations),
    sources: votes.map((vote) => vote.source),
  };
}

const compare = (a: Decimal, b: Decimal): number => (a < b ? -1 : a > b ? 1 : 0);
const distance = (a: Decimal, b: Decimal): Decimal => (a < b ? b - a : a - b);
