/** Makes the price of one asset anew from what its sources say. Pure but for what the asset's entry remembers. */
import {
  convertByRate,
  isPrice,
  PRICE_FLAGS,
  RATE_AGE_MS_MAX,
  type Decimal,
  type PriceFlag,
  type DollarRate,
  type SourceValue,
} from '@weir/wire';
import { aggregateQuotes, isSameValue, type Aggregate, type AggregationRules, type Vote } from './aggregate-quotes.ts';
import { DISPUTE_MS } from './settle-dispute.ts';
import { createMoves, HOLD_MS, isHeld, noteMove, type Moves } from './move-guard.ts';
import {
  chooseSay,
  saidBy,
  settledUntilMs,
  settleSays,
  type SayRefusal,
  type SourceSays,
  type Via,
} from './source-votes.ts';

/**
 * Why something that a source says does not count. Refused as it came: crossed, old-trade, contradicted. Held back: jump,
 * hold. Left out of a price: outlier, depeg.
 */
export type Rejection = SayRefusal | 'jump' | 'hold' | 'outlier' | 'depeg';

export interface PriceEntry {
  /** By name of the source. */
  readonly says: Map<string, SourceSays>;
  readonly moves: Moves;
  aggregate: Aggregate | undefined;
  /** The votes that the aggregate was made of, if it was made of all there were and says nothing but their median. */
  votes: readonly KnownVote[] | undefined;
  /** Arrival of the first quote since it was last settled that may make the price another. */
  saidMs: number | undefined;
  /** Until then the aggregate stands if nobody says anything: when the next vote grows older than a limit. */
  settledUntilMs: number;
  /** Of the rate that something was converted by; absent: nothing was. */
  rateNumber: number | undefined;
  /** When somebody last asked for the aggregate. */
  lookedMs: number;
}

/** What a source has said, as a vote. Its time is written over: nearly all that is said is that a price still stands. */
interface KnownVote extends Vote {
  /** Before any conversion. */
  readonly value: SourceValue;
  readonly isConverted: boolean;
  confirmedMs: number;
}

export const UNSETTLED = -Infinity;

export function createPriceEntry(): PriceEntry {
  return {
    says: new Map(),
    moves: createMoves(),
    aggregate: undefined,
    votes: undefined,
    saidMs: undefined,
    settledUntilMs: UNSETTLED,
    rateNumber: undefined,
    lookedMs: -Infinity,
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
  const { saidMs } = entry;
  entry.saidMs = undefined;
  believe(entry, context);
  if (isConfirmedAnew(entry, context)) return;
  const { nowMs, rules, onRejected } = context;
  const { votes, dropped } = collectVotes(entry, context);
  const before = entry.aggregate;
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
  const result = { ...next, confidence, flags, ...(saidMs !== undefined && { causedMs: saidMs }) };
  const { dispute } = result;
  const isAsBefore =
    before?.confirmedMs === result.confirmedMs && before.dispute === dispute && isSameValue(before, result);
  if (!isAsBefore) entry.aggregate = result;
  if (dispute !== undefined && dispute.stands === undefined)
    entry.settledUntilMs = Math.min(entry.settledUntilMs, dispute.sinceMs + DISPUTE_MS - 1);
  if (dropped === 0 && result.sources.length === votes.length) entry.votes = votes;
}

/** Whether the same votes make the same price, all of them counted; then it is known to be current as of now. */
function isConfirmedAnew(entry: PriceEntry, { quote, labels, rules, rate, rateNumber, nowMs }: SettleContext): boolean {
  const { votes, aggregate } = entry;
  if (votes === undefined || aggregate === undefined) return false;
  const { freshMs, staleMs } = rules.freshness;
  let count = 0;
  let oldest = Infinity;
  let newest = -Infinity;
  for (const [name, label] of labels) {
    const says = entry.says.get(name);
    const chosen = says && chooseSay(says, freshMs, nowMs);
    if (chosen?.say.accepted === undefined) continue;
    const { value, confirmedMs } = chosen.say.accepted;
    if (nowMs - confirmedMs > staleMs) continue;
    const vote = votes[count];
    if (vote?.value !== value || vote.source !== label[chosen.via]) return false;
    if (vote.isConverted !== (chosen.say.quote !== quote)) return false;
    if (vote.isConverted && (rate === undefined || entry.rateNumber !== rateNumber)) return false;
    vote.confirmedMs = confirmedMs;
    if (confirmedMs < oldest) oldest = confirmedMs;
    if (confirmedMs > newest) newest = confirmedMs;
    count += 1;
  }
  if (count !== votes.length || newest - oldest > freshMs) return false;
  if (rate !== undefined && entry.rateNumber !== undefined)
    entry.settledUntilMs = Math.min(entry.settledUntilMs, rate.confirmedMs + RATE_AGE_MS_MAX);
  if (aggregate.confirmedMs !== oldest) entry.aggregate = { ...aggregate, confirmedMs: oldest };
  return true;
}

/** Lets the sources' newest values count, but for leaps that nobody else sees. */
function believe(entry: PriceEntry, { labels, rules, nowMs, onRejected }: SettleContext): void {
  const { freshness, maxDeviationBps } = rules;
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
    if (settleSays(says, { freshness, maxDeviationBps, nowMs, othersSay: () => othersSay(name) }))
      onRejected('jump', 1);
    entry.settledUntilMs = Math.min(entry.settledUntilMs, settledUntilMs(says, freshness, nowMs));
  }
}

function collectVotes(
  entry: PriceEntry,
  context: SettleContext,
): { readonly votes: readonly KnownVote[]; readonly dropped: number } {
  const { quote, labels, rules, rate, rateNumber, nowMs } = context;
  const { freshMs, staleMs } = rules.freshness;
  const votes: KnownVote[] = [];
  let dropped = 0;
  entry.rateNumber = undefined;
  for (const [name, label] of labels) {
    const says = entry.says.get(name);
    const chosen = says && chooseSay(says, freshMs, nowMs);
    if (chosen?.say.accepted === undefined) continue;
    const { value, confirmedMs, movedMs, leftMs } = chosen.say.accepted;
    // It has no say, and as one of the votes it would have all of them counted anew at every look.
    if (nowMs - confirmedMs > staleMs) continue;
    const heard = { confirmedMs, movedMs, leftMs };
    const source = label[chosen.via];
    if (chosen.say.quote === quote) {
      votes.push({ source, ...value, value, isConverted: false, ...heard });
      continue;
    }
    entry.rateNumber = rateNumber;
    if (rate === undefined) dropped += 1;
    else {
      entry.settledUntilMs = Math.min(entry.settledUntilMs, rate.confirmedMs + RATE_AGE_MS_MAX);
      const price = convertByRate(value.price, rate);
      const halfSpread = convertByRate(value.halfSpread, rate);
      if (isPrice(price)) votes.push({ source, price, halfSpread, value, isConverted: true, ...heard });
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
