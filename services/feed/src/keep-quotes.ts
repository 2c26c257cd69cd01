/**
 * What every source of one feed last said of every asset, and the price that comes of it. No I/O, no clock of its own.
 *
 * Prices in USDT are votes of a feed in USD, converted by a rate (`usdt-rate.ts` of `@weir/wire`) that is made here as
 * well, whether or not USDT is an asset of the feed.
 */
import { isPrice, UsdtRate, type Decimal, type FeedDocument } from '@weir/wire';
import type { Aggregate, AggregationRules } from './aggregate-quotes.ts';
import type { SourceQuote } from './connect/connector.ts';
import { DoubtedMarkets, type Doubts } from './doubted-markets.ts';
import { createPriceEntry, settle, UNSETTLED, type PriceEntry, type Rejection } from './settle-price.ts';
import { takeQuote, VIAS, type SayVerdict, type Via } from './source-votes.ts';

export type { Rejection } from './settle-price.ts';

export interface QuoteBookOptions {
  /** What a wall time was, or will be, on the monotonic clock; absent: they are one. */
  readonly monotonicOf?: (wallMs: number) => number;
  readonly onRejected?: (why: Rejection, count: number) => void;
}

export interface QuoteBook {
  readonly assets: readonly string[];
  /** Assets and sources that the document does not list are forgotten; what stays keeps its values. */
  configure(document: FeedDocument): void;
  record(sourceName: string, quote: SourceQuote): Verdict;
  /** What the source said of the asset no longer holds, however young it is, until it is recorded again. Whether there was anything. */
  withdraw(sourceName: string, asset: string): boolean;
  /** The price now; the same object for as long as neither the value nor its confirmation has moved. */
  refresh(asset: string, nowMs: number): Aggregate | undefined;
  /**
   * Prices that were confirmed within the fresh time. Of those that seem to be older, a few are looked at anew; of the others
   * it counts what they were when they were looked at last, if that is not long ago.
   */
  countFresh(nowMs: number): number;
  overview(nowMs: number): BookOverview;
  /** What REST says against the sockets of a source. */
  doubtsOf(sourceName: string): Doubts;
  /** Whether prices in USDT can be converted; of a feed in dollars. */
  hasUsdtRate(nowMs: number): boolean;
}

export interface BookOverview {
  /** Prices by the number of their sources. */
  readonly bySources: ReadonlyMap<number, number>;
  /** Assets that leave sources in USDT out, and those that have no price for want of its rate. */
  readonly depegged: number;
  /** Dollars for a USDT; absent: it is of no use, or not of this feed. */
  readonly usdtRate: Decimal | undefined;
}

/**
 * changed: the price of the asset may be another now. confirmed: it stands, only more surely. ignored: of no use, since
 * source or asset are unknown, the price is none, or it is older than what is known.
 */
export type Verdict = 'changed' | 'confirmed' | 'ignored';

type Symbols = NonNullable<FeedDocument['sources'][number]['symbols']>;

const NO_RULES: AggregationRules = {
  method: 'Median',
  minSources: 1,
  maxDeviationBps: 0,
  freshness: { freshMs: 0, staleMs: 0, deadMs: 0 },
};

/** Of one count: more would hold the event loop up, and someone looks at all of them every second anyway. */
const LOOKS_MAX = 500;
/** Two of those seconds. */
const LOOK_LASTS_MS = 2_000;

const DOLLAR = 'USD';
const TETHER = 'USDT';

export function createQuoteBook(options: QuoteBookOptions = {}): QuoteBook {
  return new KnownPrices(options);
}

class KnownPrices implements QuoteBook {
  readonly #options: QuoteBookOptions;
  #entries = new Map<string, PriceEntry>();
  /** USDT in dollars, where that is what prices are converted by. */
  #reference: PriceEntry | undefined;
  #rate = new UsdtRate();
  #exchanges = new Map<string, string>();
  /** By name of the source. */
  #symbols = new Map<string, Symbols>();
  #labels = new Map<string, Readonly<Record<Via, string>>>();
  readonly #doubted = new DoubtedMarkets();
  #quote = '';
  #rules = NO_RULES;
  assets: readonly string[] = [];

  constructor(options: QuoteBookOptions) {
    this.#options = options;
  }

  configure(document: FeedDocument): void {
    const { quote, assets, sources, aggregation, freshness } = document;
    const isSameQuote = quote === this.#quote;
    const known = isSameQuote ? this.#entries : new Map<string, PriceEntry>();
    this.#quote = quote;
    this.assets = assets;
    this.#rules = { ...aggregation, freshness };
    const symbolsBefore = this.#symbols;
    this.#symbols = new Map(sources.map(({ name, symbols = {} }) => [name, symbols]));
    this.#exchanges = new Map(sources.map(({ name, exchange }) => [name, exchange]));
    this.#labels = new Map(sources.map(({ name, exchange }) => [name, labelsOf(exchange)]));
    this.#entries = new Map(assets.map((asset) => [asset, known.get(asset) ?? createPriceEntry()]));
    if (!isSameQuote) this.#rate = new UsdtRate();
    if (!isSameQuote) this.#reference = quote === DOLLAR ? createPriceEntry() : undefined;
    const entries = [...this.#entries, ...this.#referenceEntries()];
    this.#doubted.clear();
    for (const [asset, entry] of entries) {
      entry.settledUntilMs = UNSETTLED;
      entry.votes = undefined;
      for (const [name, { exchange }] of entry.says) {
        const isSameMarket = symbolsBefore.get(name)?.[asset] === this.#symbols.get(name)?.[asset];
        // A source that now means another venue, or another market of it, starts without a value.
        if (!isSameMarket || this.#exchanges.get(name) !== exchange) entry.says.delete(name);
      }
      for (const [name, says] of entry.says) this.#doubted.note(name, says);
    }
  }

  record(sourceName: string, quote: SourceQuote): Verdict {
    const exchange = this.#exchanges.get(sourceName);
    if (exchange === undefined || !isPrice(quote.price)) return 'ignored';
    const isDirect = quote.quote === this.#quote;
    if (!isDirect && !(quote.quote === TETHER && this.#quote === DOLLAR)) return 'ignored';
    const isReference = isDirect && quote.asset === TETHER && this.#reference !== undefined;
    const asReference = isReference ? this.#take(this.#reference, sourceName, exchange, quote) : undefined;
    const entry = this.#entries.get(quote.asset);
    const verdict = entry === undefined ? asReference : this.#take(entry, sourceName, exchange, quote);
    if (verdict === 'changed' || verdict === 'confirmed') {
      // Nobody waits for the reference by name, and what is held back must not wait for a heartbeat.
      if (entry === undefined) return 'confirmed';
      return entry.moves.holdSinceMs === undefined ? verdict : 'changed';
    }
    if (verdict !== undefined && verdict !== 'older') this.#options.onRejected?.(verdict, 1);
    return 'ignored';
  }

  withdraw(sourceName: string, asset: string): boolean {
    if (asset === TETHER) this.#withdrawFrom(this.#reference, sourceName);
    return this.#withdrawFrom(this.#entries.get(asset), sourceName);
  }

  refresh(asset: string, nowMs: number): Aggregate | undefined {
    const entry = this.#entries.get(asset);
    if (entry === undefined) return undefined;
    this.#sampleRate(nowMs);
    entry.lookedMs = nowMs;
    const isConvertedAnew = entry.rateNumber !== undefined && entry.rateNumber !== this.#rate.number;
    if (nowMs > entry.settledUntilMs || isConvertedAnew) this.#settle(entry, this.#rules, nowMs);
    return entry.aggregate;
  }

  countFresh(nowMs: number): number {
    const { freshMs } = this.#rules.freshness;
    const isFresh = (aggregate: Aggregate | undefined, atMs: number): boolean =>
      aggregate !== undefined && atMs - aggregate.confirmedMs <= freshMs;
    let count = 0;
    let looks = LOOKS_MAX;
    for (const [asset, { aggregate, lookedMs }] of this.#entries) {
      if (isFresh(aggregate, nowMs)) count += 1;
      else if (looks > 0) {
        looks -= 1;
        if (isFresh(this.refresh(asset, nowMs), nowMs)) count += 1;
      } else if (nowMs - lookedMs <= LOOK_LASTS_MS && isFresh(aggregate, lookedMs)) count += 1;
    }
    return count;
  }

  hasUsdtRate(nowMs: number): boolean {
    this.#sampleRate(nowMs);
    return this.#rate.usable(nowMs) !== undefined;
  }

  overview(nowMs: number): BookOverview {
    const bySources = new Map<number, number>();
    let depegged = 0;
    const rate = this.#rate.usable(nowMs)?.price;
    const isLeftOut = (says: PriceEntry['says']): boolean =>
      rate === undefined && [...says.values()].some(({ by }) => VIAS.some((via) => by[via]?.quote === TETHER));
    for (const { aggregate, says } of this.#entries.values()) {
      if (aggregate === undefined) {
        if (isLeftOut(says)) depegged += 1;
        continue;
      }
      const { length } = aggregate.sources;
      bySources.set(length, (bySources.get(length) ?? 0) + 1);
      if (aggregate.flags.includes('depeg')) depegged += 1;
    }
    return { bySources, depegged, usdtRate: rate };
  }

  doubtsOf(sourceName: string): Doubts {
    return this.#doubted.of(sourceName);
  }

  #take(
    entry: PriceEntry | undefined,
    sourceName: string,
    exchange: string,
    quote: SourceQuote,
  ): SayVerdict | undefined {
    if (entry === undefined) return undefined;
    let says = entry.says.get(sourceName);
    if (says === undefined) entry.says.set(sourceName, (says = { exchange, by: {} }));
    const { tradeAtMs, confirmedMonotonicMs } = quote;
    const tradedMs = tradeAtMs === undefined ? undefined : (this.#options.monotonicOf?.(tradeAtMs) ?? tradeAtMs);
    const verdict = takeQuote(says, quote, tradedMs, this.#rules);
    if (quote.via !== 'ws') this.#doubted.note(sourceName, says);
    if (verdict === 'changed' || verdict === 'confirmed') entry.settledUntilMs = UNSETTLED;
    if (verdict === 'changed') entry.saidMs = Math.min(entry.saidMs ?? Infinity, confirmedMonotonicMs);
    return verdict;
  }

  #withdrawFrom(entry: PriceEntry | undefined, sourceName: string): boolean {
    const says = entry?.says.get(sourceName);
    if (entry === undefined || says === undefined) return false;
    entry.says.delete(sourceName);
    this.#doubted.forget(sourceName, says);
    entry.settledUntilMs = UNSETTLED;
    return true;
  }

  #sampleRate(nowMs: number): void {
    const entry = this.#reference;
    if (entry === undefined || !this.#rate.isDue(entry.settledUntilMs === UNSETTLED, nowMs)) return;
    const rules: AggregationRules = { ...this.#rules, method: 'Median', minSources: 1 };
    if (nowMs > entry.settledUntilMs) this.#settle(entry, rules, nowMs);
    this.#rate.take(entry.aggregate, nowMs);
  }

  #settle(entry: PriceEntry, rules: AggregationRules, nowMs: number): void {
    settle(entry, {
      quote: this.#quote,
      labels: this.#labels,
      rules,
      rate: this.#rate.usable(nowMs),
      rateNumber: this.#rate.number,
      nowMs,
      onRejected: this.#options.onRejected ?? ignore,
    });
  }

  #referenceEntries(): readonly (readonly [asset: string, PriceEntry])[] {
    return this.#reference === undefined ? [] : [[TETHER, this.#reference]];
  }
}

const ignore = (): void => undefined;

const labelsOf = (exchange: string): Readonly<Record<Via, string>> => ({
  ws: `${exchange}-ws`,
  rest: `${exchange}-rest`,
  prewarm: `${exchange}-prewarm`,
});
