/** What every source of one feed last said of every asset, and the price that comes of it. No I/O, no clock of its own. */
import type { Decimal, FeedDocument } from '@weir/wire';
import { aggregateQuotes, isSameValue, type Aggregate, type AggregationRules, type Vote } from './aggregate-quotes.ts';

export interface QuoteBook {
  readonly assets: readonly string[];
  /** Assets and sources that the document does not list are forgotten; what stays keeps its values. */
  configure(document: FeedDocument): void;
  record(sourceName: string, asset: string, vote: { readonly price: Decimal; readonly confirmedMs: number }): Verdict;
  /** The vote no longer holds, however young it is, until it is recorded again. Whether there was one. */
  withdraw(sourceName: string, asset: string): boolean;
  /** The price now; the same object for as long as neither the value nor its confirmation has moved. */
  refresh(asset: string, nowMs: number): Aggregate | undefined;
  /** Brings every price up to date and counts those that were confirmed within the fresh time. */
  countFresh(nowMs: number): number;
}

/**
 * changed: the price of the asset may be another now. confirmed: it stands, only more surely. ignored: of no use, since
 * source or asset are unknown, the price is none, or it is older than what is known.
 */
export type Verdict = 'changed' | 'confirmed' | 'ignored';

interface Entry {
  readonly votes: Map<string, Vote>;
  aggregate: Aggregate | undefined;
  /** Until then the aggregate stands if nobody says anything: when the next vote grows older than a limit. */
  settledUntilMs: number;
}

const NO_RULES: AggregationRules = {
  method: 'Median',
  minSources: 1,
  maxDeviationBps: 0,
  freshness: { freshMs: 0, staleMs: 0, deadMs: 0 },
};

const UNSETTLED = -Infinity;

const createEntry = (): Entry => ({ votes: new Map(), aggregate: undefined, settledUntilMs: UNSETTLED });

export function createQuoteBook(): QuoteBook {
  let entries = new Map<string, Entry>();
  let assets: readonly string[] = [];
  let sourceLabels = new Map<string, string>();
  let quote = '';
  let rules = NO_RULES;

  const refresh = (asset: string, nowMs: number): Aggregate | undefined => {
    const entry = entries.get(asset);
    if (entry !== undefined && nowMs > entry.settledUntilMs)
      settle(entry, { names: sourceLabels.keys(), rules, nowMs });
    return entry?.aggregate;
  };

  return {
    get assets() {
      return assets;
    },
    configure(document) {
      const known = document.quote === quote ? entries : new Map<string, Entry>();
      quote = document.quote;
      assets = document.assets;
      rules = { ...document.aggregation, freshness: document.freshness };
      sourceLabels = new Map(document.sources.map((source) => [source.name, `${source.exchange}-ws`]));
      entries = new Map(assets.map((asset) => [asset, known.get(asset) ?? createEntry()]));
      for (const entry of entries.values()) {
        entry.settledUntilMs = UNSETTLED;
        // A source that now means another venue starts without values.
        for (const [name, vote] of entry.votes) if (sourceLabels.get(name) !== vote.source) entry.votes.delete(name);
      }
    },
    record(sourceName, asset, { price, confirmedMs }) {
      const entry = entries.get(asset);
      const source = sourceLabels.get(sourceName);
      if (entry === undefined || source === undefined || price <= 0n) return 'ignored';
      const before = entry.votes.get(sourceName);
      if (before !== undefined && confirmedMs < before.confirmedMs) return 'ignored';
      entry.votes.set(sourceName, { source, price, confirmedMs });
      entry.settledUntilMs = UNSETTLED;
      // After a silence the vote may not have counted, even if it says the same again.
      const isContinued = before !== undefined && confirmedMs - before.confirmedMs <= rules.freshness.freshMs;
      return isContinued && before.price === price ? 'confirmed' : 'changed';
    },
    withdraw(sourceName, asset) {
      const entry = entries.get(asset);
      if (entry?.votes.delete(sourceName) !== true) return false;
      entry.settledUntilMs = UNSETTLED;
      return true;
    },
    refresh,
    countFresh(nowMs) {
      let count = 0;
      for (const asset of assets) {
        const aggregate = refresh(asset, nowMs);
        if (aggregate !== undefined && nowMs - aggregate.confirmedMs <= rules.freshness.freshMs) count += 1;
      }
      return count;
    },
  };
}

/** Brings the entry's price up to date; votes count in the order of the names. */
function settle(
  entry: Entry,
  by: { readonly names: Iterable<string>; readonly rules: AggregationRules; readonly nowMs: number },
): void {
  const { names, rules, nowMs } = by;
  const votes: Vote[] = [];
  entry.settledUntilMs = Infinity;
  for (const name of names) {
    const vote = entry.votes.get(name);
    if (vote === undefined) continue;
    votes.push(vote);
    for (const limitMs of [rules.freshness.freshMs, rules.freshness.staleMs]) {
      const untilMs = vote.confirmedMs + limitMs;
      if (untilMs >= nowMs) entry.settledUntilMs = Math.min(entry.settledUntilMs, untilMs);
    }
  }
  const before = entry.aggregate;
  const next = aggregateQuotes(votes, rules, nowMs, before);
  if (next === undefined) return;
  if (before !== undefined && before.confirmedMs === next.confirmedMs && isSameValue(before, next)) return;
  entry.aggregate = next;
}
