/** Makes the price of one asset anew from what its sources say. Pure but for what the asset's entry remembers. */
import {
  convertByRate,
  PRICE_FLAGS,
  RATE_AGE_MS_MAX,
  type Decimal,
  type PriceFlag,
  type DollarRate,
  type ValueRefusal,
} from '@weir/wire';
import { aggregateQuotes, isSameValue, type Aggregate, type AggregationRules, type Vote } from './aggregate-quotes.ts';
import { createMoves, HOLD_MS, isHeld, noteMove, type Moves } from './move-guard.ts';
import { chooseSay, saidBy, settledUntilMs, settleSays, type SourceSays, type Via } from './source-votes.ts';

/**
 * Why something that a source says does not count. Refused as it came: crossed, old-trade. Held back: jump, hold. Left
 * out of a price: outlier, depeg.
 */
export type Rejection = ValueRefusal | 'jump' | 'hold' | 'outlier' | 'depeg';

export interface PriceEntry {
  /** By name of the source. */
  readonly says: Map<string, SourceSays>;
  readonly moves: Moves;
  aggregate: Aggregate | undefined;
  /** The votes that the aggregate was made of, if it was made of all there were and says nothing but their median. */
  votes: readonly Vote[] | undefined;
  /** Until then the aggregate stands if nobody says anything: when the next vote grows older than a limit. */
  settledUntilMs: number;
  /** Of the rate that something was converted by; absent: nothing was. */
  rateNumber: number | undefined;
}

export const UNSETTLED = -Infinity;

export function createPriceEntry(): PriceEntry {
  return {
    says: new Map(),
    moves: createMoves(),
    aggregate: undefined,
    votes: undefined,
    settledUntilMs: UNSETTLED,
    rateNumber: undefined,
  };
}

export interface SettleContext {
  /** Of the feed. */
  readonly quote: string;
  /** By name of the source, in the order of the document. */
  readonly labels: ReadonlyMap<string, Readonly<Record<Via, string>>>;
  readonly rules: AggregationRules;
  readonly rate: DollarRate | undefined;
  readonly rateNumber: number;
  readonly nowMs: number;
  readonly onRejected: (why: Rejection, count: number) => void;
}

/** Votes count in the order of the document, so the order in which they were said has no part in it. */
export function settle(entry: PriceEntry, context: SettleContext): void {
  const { nowMs, rules, onRejected } = context;
  believe(entry, context);
  const { votes, dropped } = collectVotes(entry, context);
  const before = entry.aggregate;
  if (before !== undefined && dropped === 0 && isConfirmation(entry.votes, votes, rules, nowMs)) {
    entry.votes = votes;
    entry.aggregate = confirmedAnew(before, votes);
    return;
  }
  entry.votes = undefined;
  if (dropped > 0) onRejected('depeg', dropped);
  const next = aggregateQuotes(votes, rules, nowMs, before);
  const depeg: readonly PriceFlag[] = dropped > 0 ? ['depeg'] : [];
  if (next === undefined) {
    entry.moves.holdSinceMs = undefined;
    if (before !== undefined) entry.aggregate = flagged(before, depeg);
    return;
  }
  if (next.outliers > 0) onRejected('outlier', next.outliers);
  const wasHeld = entry.moves.holdSinceMs !== undefined;
  const candidate = { price: next.price, said: votes.map((vote) => vote.price) };
  if (before !== undefined && isHeld(entry.moves, candidate, before, nowMs)) {
    if (!wasHeld) onRejected('hold', 1);
    entry.aggregate = flagged(before, [...depeg, 'hold']);
    entry.settledUntilMs = Math.min(entry.settledUntilMs, (entry.moves.holdSinceMs ?? nowMs) + HOLD_MS - 1);
    return;
  }
  noteMove(entry.moves, next.price, nowMs);
  const confidence = steadyConfidence(next, before);
  const flags = dropped > 0 ? [...next.flags, ...depeg] : next.flags;
  const result = confidence === next.confidence && flags === next.flags ? next : { ...next, confidence, flags };
  const isAsBefore = before?.confirmedMs === result.confirmedMs && isSameValue(before, result);
  if (!isAsBefore) entry.aggregate = result;
  if (dropped === 0 && result.sources.length === votes.length) entry.votes = votes;
}

/** Nearly all that is said is that a price still stands: whether the same votes make the same price, all of them counted. */
function isConfirmation(
  known: readonly Vote[] | undefined,
  votes: readonly Vote[],
  { freshness: { freshMs, staleMs } }: AggregationRules,
  nowMs: number,
): boolean {
  if (known?.length !== votes.length) return false;
  let oldest = Infinity;
  let newest = -Infinity;
  for (const [index, { source, price, halfSpread, confirmedMs }] of votes.entries()) {
    const before = known[index];
    if (before?.price !== price || before.halfSpread !== halfSpread || before.source !== source) return false;
    if (confirmedMs < oldest) oldest = confirmedMs;
    if (confirmedMs > newest) newest = confirmedMs;
  }
  return newest - oldest <= freshMs && nowMs - oldest <= staleMs;
}

function confirmedAnew(aggregate: Aggregate, votes: readonly Vote[]): Aggregate {
  let confirmedMs = Infinity;
  let newestMs = -Infinity;
  for (const vote of votes) {
    if (vote.confirmedMs < confirmedMs) confirmedMs = vote.confirmedMs;
    if (vote.confirmedMs > newestMs) newestMs = vote.confirmedMs;
  }
  return aggregate.confirmedMs === confirmedMs ? aggregate : { ...aggregate, confirmedMs, newestMs };
}

/** Lets the sources' newest values count, but for leaps that nobody else sees. */
function believe(entry: PriceEntry, { labels, rules, nowMs, onRejected }: SettleContext): void {
  const { freshness } = rules;
  // Before anything is believed, so that the order of the sources is of no account.
  let said: Map<string, Decimal | undefined> | undefined;
  const othersSay = (self: string): readonly Decimal[] => {
    said ??= new Map([...entry.says].map(([name, says]) => [name, saidBy(says, freshness, nowMs)]));
    return [...said].flatMap(([name, price]) => (name === self || price === undefined ? [] : [price]));
  };
  entry.settledUntilMs = Infinity;
  for (const name of labels.keys()) {
    const says = entry.says.get(name);
    if (says === undefined) continue;
    if (settleSays(says, { freshness, nowMs, othersSay: () => othersSay(name) })) onRejected('jump', 1);
    entry.settledUntilMs = Math.min(entry.settledUntilMs, settledUntilMs(says, freshness, nowMs));
  }
}

function collectVotes(
  entry: PriceEntry,
  context: SettleContext,
): { readonly votes: readonly Vote[]; readonly dropped: number } {
  const { quote, labels, rules, rate, rateNumber, nowMs } = context;
  const { freshMs, staleMs } = rules.freshness;
  const votes: Vote[] = [];
  let dropped = 0;
  entry.rateNumber = undefined;
  for (const [name, label] of labels) {
    const says = entry.says.get(name);
    const chosen = says && chooseSay(says, freshMs, nowMs);
    if (chosen?.say.accepted === undefined) continue;
    const { value, confirmedMs } = chosen.say.accepted;
    const source = label[chosen.via];
    if (chosen.say.quote === quote) {
      votes.push({ source, price: value.price, halfSpread: value.halfSpread, confirmedMs });
      continue;
    }
    entry.rateNumber = rateNumber;
    if (rate === undefined) dropped += Number(nowMs - confirmedMs <= staleMs);
    else {
      entry.settledUntilMs = Math.min(entry.settledUntilMs, rate.confirmedMs + RATE_AGE_MS_MAX);
      const price = convertByRate(value.price, rate);
      if (price > 0n) votes.push({ source, price, halfSpread: convertByRate(value.halfSpread, rate), confirmedMs });
    }
  }
  return { votes, dropped };
}

const PASSING: ReadonlySet<PriceFlag> = new Set(['depeg', 'hold']);

/** A price that stands, with what is to be said of it now. */
function flagged(aggregate: Aggregate, passing: readonly PriceFlag[]): Aggregate {
  const flags = PRICE_FLAGS.filter(
    (flag) => passing.includes(flag) || (aggregate.flags.includes(flag) && !PASSING.has(flag)),
  );
  const isSame =
    flags.length === aggregate.flags.length && flags.every((flag, index) => flag === aggregate.flags[index]);
  return isSame ? aggregate : { ...aggregate, flags };
}

const BPS = 10_000n;

/** A spread breathes all the time: less than 1 bp of the price is no news. */
function steadyConfidence({ confidence, price }: Aggregate, before: Aggregate | undefined): Decimal {
  if (before === undefined) return confidence;
  const change = confidence < before.confidence ? before.confidence - confidence : confidence - before.confidence;
  return change * BPS < price ? before.confidence : confidence;
}
