/**
 * One source of a feed: learns which markets its venue lists, keeps as many connectors as those markets need, and has
 * REST beside them.
 */
import type { Clock, Timer } from '@weir/clock';
import type { ParameterReader } from '@weir/parameters';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Upstream } from '@weir/upstream';
import type { Instrument, Venue } from '@weir/venues';
import type { FeedDocument, FeedSource, SourceState } from '@weir/wire';
import type { ClockSkews } from './connect/clock-skew.ts';
import type {
  ConnectBudget,
  Connector,
  ConnectorOptions,
  ConnectorStatus,
  SourceQuote,
  StatusFeeds,
} from './connect/connector.ts';
import { HaltedMarkets } from './halted-markets.ts';
import type { QuoteBook } from './keep-quotes.ts';
import {
  describeDoubts,
  describeStandIn,
  describeUnconverted,
  describeUnlisted,
  mergeStatuses,
  type SourceWords,
} from './merge-statuses.ts';
import { planMarkets, type Listed, type MarketPlan } from './plan-markets.ts';
import type { Liveness } from './rest/decide-fetch.ts';
import { createPriceFetches, type Prewarm, type PriceFetches } from './rest/fetch-prices.ts';
import { splitMarkets, type Share } from './split-markets.ts';

export type Connect = (options: ConnectorOptions) => Connector;

export interface SourceOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
  readonly connectBudget: ConnectBudget;
  readonly clockSkews: ClockSkews;
  readonly statusFeeds: StatusFeeds;
  readonly parameters: Pick<ParameterReader, 'prewarmAssets'>;
  /** Whether this process publishes; only then are prices asked for by REST. */
  readonly isActive: () => boolean;
  /** What all sources have said. */
  readonly book: Pick<QuoteBook, 'hasUsdtRate' | 'doubtsOf'>;
  readonly onQuote: (sourceName: string, quote: SourceQuote) => void;
  readonly onHalted: (sourceName: string, market: Instrument) => void;
}

/** Whom a source listens to, for as long as it runs. */
export interface SourceVenue {
  readonly venue: Venue;
  /** Its REST interface. */
  readonly upstream: Upstream;
}

/** What a source is to do, by its document. */
export interface SourceOrder {
  readonly source: FeedSource;
  readonly document: FeedDocument;
  readonly needsUsdtRate: boolean;
}

export interface RunningSource {
  /** Of the same venue and addresses as before. */
  follow(order: SourceOrder): void;
  /** Whether this process publishes has changed. */
  review(): void;
  readonly status: SourceWords & { readonly sinceMs: number };
  stop(): Promise<void>;
}

interface Connection {
  readonly connector: Connector;
  readonly share: Share;
}

/** While the list is unknown; its directory sees to it that the venue is asked ever less often. */
const LOOK_MS_UNKNOWN = 1_000;
/** What is listed changes once in a while, and the directory looks once an hour. */
const LOOK_MS_KNOWN = 60_000;
/** Of a prewarm that a parameter asks for. */
const PREWARM_INTERVAL_MS = 30_000;

export function runSource(options: SourceOptions, at: SourceVenue, order: SourceOrder): RunningSource {
  return new VenueSource(options, at, order);
}

class VenueSource implements RunningSource {
  readonly #options: SourceOptions;
  readonly #venue: Venue;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #upstream: Upstream;
  readonly #fetches: PriceFetches;
  readonly #halted = new HaltedMarkets();
  readonly #stopping = new Set<Promise<void>>();
  #order: SourceOrder;
  #listed: Listed | undefined;
  #hasLooked = false;
  #plan: MarketPlan = { markets: [], missing: [] };
  #connections: (Connection | undefined)[] = [];
  #status: SourceWords & { readonly sinceMs: number };
  #looking: Timer | undefined;
  #isStopped = false;

  constructor(options: SourceOptions, { venue, upstream }: SourceVenue, order: SourceOrder) {
    const { clock, isActive, onQuote, book } = options;
    this.#options = options;
    this.#venue = venue;
    this.#order = order;
    this.#name = order.source.name;
    this.#logger = options.logger.child({ source: this.#name });
    this.#upstream = upstream;
    this.#fetches = createPriceFetches({
      fetcher: this.#upstream.fetcher,
      clock,
      logger: this.#logger,
      mayAsk: isActive,
      isHalted: ({ symbol }, price) => this.#halted.has(symbol, price, clock.monotonicMs()),
      onQuote: (quote) => onQuote(this.#name, quote),
      isDoubted: () => book.doubtsOf(this.#name).isAny,
    });
    this.#status = { ...describeUnlisted(false), sinceMs: clock.nowMs() };
    this.#replan();
    void this.#look();
  }

  get status(): SourceWords & { readonly sinceMs: number } {
    if (this.#fetches.isStandingIn && LIVENESS[this.#status.state] === 'down') return describeStandIn(this.#status);
    const isConverted = this.#plan.markets.some(({ quote }) => quote !== this.#order.document.quote);
    const { book, clock } = this.#options;
    if (isConverted && !book.hasUsdtRate(clock.monotonicMs())) return describeUnconverted(this.#status);
    return describeDoubts(this.#status, book.doubtsOf(this.#name).disbelieved);
  }

  follow(order: SourceOrder): void {
    this.#order = order;
    this.#replan();
  }

  review(): void {
    this.#fetches.review();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#looking?.cancel();
    this.#fetches.stop();
    for (const connection of this.#connections) if (connection !== undefined) this.#end(connection);
    this.#connections = [];
    await Promise.all(this.#stopping);
  }

  async #look(): Promise<void> {
    const listed = await this.#upstream.instruments.load();
    if (this.#isStopped) return;
    const isNews = !this.#hasLooked || listed !== this.#listed;
    this.#hasLooked = true;
    this.#listed = listed ?? this.#listed;
    if (isNews) this.#replan();
    const waitMs = this.#listed === undefined ? LOOK_MS_UNKNOWN : LOOK_MS_KNOWN;
    this.#looking = this.#options.clock.setTimeout(() => void this.#look(), waitMs);
  }

  #replan(): void {
    const { source, document, needsUsdtRate } = this.#order;
    const { settlement, limits, rest } = this.#venue;
    const { assets, quote } = document;
    const { symbols } = source;
    const wishes = { assets, quote, settlement, needsUsdtRate, listed: this.#listed };
    this.#plan = planMarkets({ ...wishes, ...(symbols !== undefined && { symbols }) });
    if (this.#plan.missing.length > 0) {
      this.#logger.debug(
        { count: this.#plan.missing.length },
        'markets that the venue does not list, or not as expected',
      );
    }
    for (const market of this.#halted.follow(this.#plan.markets)) this.#options.onHalted(this.#name, market);
    // Before any socket: its first batch is on its way while they open.
    this.#fetches.follow({
      markets: this.#plan.markets,
      isFallbackEnabled: document.fallback.enabled,
      batchIntervalMs: rest.batchIntervalMs,
      prewarm: () => this.#prewarm(),
    });
    const before = this.#connections.map((connection) => connection?.share ?? []);
    const shares = splitMarkets(before, this.#plan.markets, limits.symbolsPerConnection);
    this.#connections = shares.map((share, index) => this.#connect(this.#connections[index], share));
    this.#tellStatus();
  }

  /** The source's own word, else that of the whole installation. */
  #prewarm(): Prewarm | undefined {
    const { source, document } = this.#order;
    if (source.prewarm !== undefined) return { intervalMs: source.prewarm.intervalMs, includes: () => true };
    const assets = this.#options.parameters.prewarmAssets(this.#venue.id);
    if (assets === undefined || (assets !== 'all' && assets.size === 0)) return undefined;
    const isRate = ({ asset }: Instrument): boolean => !document.assets.includes(asset);
    const includes = (market: Instrument): boolean => assets === 'all' || assets.has(market.asset) || isRate(market);
    return { intervalMs: PREWARM_INTERVAL_MS, includes };
  }

  #connect(before: Connection | undefined, share: Share): Connection | undefined {
    if (before !== undefined && isSame(before.share, share)) return before;
    if (share.length === 0) {
      if (before !== undefined) this.#end(before);
      return undefined;
    }
    if (before !== undefined) {
      before.connector.follow(share);
      return { connector: before.connector, share };
    }
    return { connector: this.#open(share), share };
  }

  #open(share: Share): Connector {
    const { connect, clock, telemetry, random, connectBudget, clockSkews, statusFeeds, onQuote, onHalted } =
      this.#options;
    const connector = connect({
      venue: this.#venue,
      url: this.#order.source.url ?? this.#venue.defaultUrl,
      symbols: share,
      clock,
      logger: this.#logger,
      telemetry,
      random,
      connectBudget,
      clockSkews,
      statusFeeds,
      onQuote: (quote) => {
        // It may have moved for a while, and stand still again.
        if (this.#halted.stands(quote, clock.monotonicMs())) onHalted(this.#name, quote);
        else onQuote(this.#name, quote);
      },
      onHalted: (market) => {
        this.#halted.add(market.symbol, clock.monotonicMs());
        onHalted(this.#name, market);
      },
      onStatus: () => this.#tellStatus(),
    });
    connector.start();
    return connector;
  }

  #end({ connector }: Connection): void {
    const stopped: Promise<void> = connector
      .stop()
      .catch((err: unknown) => this.#logger.error({ err }, 'connector failed to stop'))
      .finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  #tellStatus(): void {
    if (this.#isStopped) return;
    const statuses: ConnectorStatus[] = [];
    for (const connection of this.#connections)
      if (connection !== undefined) statuses.push(connection.connector.status);
    const isUnlisted = statuses.length === 0 && this.#listed === undefined;
    const words = isUnlisted ? describeUnlisted(this.#hasLooked) : mergeStatuses(statuses, this.#plan.missing);
    const isTransition = words.state !== this.#status.state;
    this.#status = { ...words, sinceMs: isTransition ? this.#options.clock.nowMs() : this.#status.sinceMs };
    const liveness = LIVENESS[words.state];
    this.#halted.noteSocket(liveness === 'down', this.#options.clock.monotonicMs());
    this.#fetches.note(liveness);
  }
}

const LIVENESS: Readonly<Record<SourceState, Liveness>> = {
  ok: 'live',
  halted: 'halted',
  // It was asked for a sign of life and has given none so far.
  quiet: 'down',
  stale: 'down',
  connecting: 'down',
  down: 'down',
};

function isSame(a: Share, b: Share): boolean {
  return a.length === b.length && a.every((market, index) => isSameMarket(market, b[index]));
}

function isSameMarket(a: Instrument, b: Instrument | undefined): boolean {
  return a.symbol === b?.symbol && a.asset === b.asset && a.quote === b.quote;
}
