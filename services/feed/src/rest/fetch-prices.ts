/**
 * The REST side of one source: prewarm and the socket's stand-in, one batch at a time for all of its markets.
 *
 * When is decided in `decide-fetch.ts`; how a request is sent, and whether it may be, in `@weir/upstream`. Nothing of the
 * socket's side ever waits for it.
 */
import type { Clock, Timer } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { FetchedPrice, VenueFetcher } from '@weir/upstream';
import type { Instrument } from '@weir/venues';
import { parseDecimal } from '@weir/wire';
import type { SourceQuote } from '../connect/connector.ts';
import {
  createFetchState,
  decideFetch,
  noteFetched,
  noteLiveness,
  type FetchSettings,
  type FetchState,
  type Liveness,
} from './decide-fetch.ts';

export interface Prewarm {
  readonly intervalMs: number;
  readonly includes: (market: Instrument) => boolean;
}

export interface RestPlan {
  readonly markets: readonly Instrument[];
  readonly isFallbackEnabled: boolean;
  readonly batchIntervalMs: number;
  /** Asked anew at each decision: a parameter may change at any time. */
  readonly prewarm: () => Prewarm | undefined;
}

export interface PriceFetchesOptions {
  readonly fetcher: Pick<VenueFetcher, 'batch'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'error'>;
  /** Whether this process may ask now: a standby leaves the venue's quota to the one that publishes. */
  readonly mayAsk: () => boolean;
  /** The market stands still: what is told of it, here this price, would not hold. */
  readonly isHalted: (market: Instrument, price: bigint) => boolean;
  readonly onQuote: (quote: SourceQuote) => void;
  /** Some market's socket is doubted, for what REST said of it. */
  readonly isDoubted: () => boolean;
  /** Calls back once in the next turn of the event loop. */
  readonly nextTurn?: (callback: () => void) => void;
}

export interface PriceFetches {
  follow(plan: RestPlan): void;
  /** How the socket is. */
  note(liveness: Liveness): void;
  /** Whether it may ask has changed. */
  review(): void;
  /** REST is in the socket's place. */
  readonly isStandingIn: boolean;
  stop(): void;
}

/** A prewarm may be asked for by a parameter at any time. */
const LOOK_MS = 5_000;
/** A millisecond or two of work; several sources may be at it in the same turn. */
const PER_TURN = 100;

export function createPriceFetches(options: PriceFetchesOptions): PriceFetches {
  return new SourceFetches(options);
}

/** By `<ASSET>-<QUOTE>`. */
type Markets = ReadonlyMap<string, Instrument>;

class SourceFetches implements PriceFetches {
  readonly #options: PriceFetchesOptions;
  #state: FetchState;
  #plan: RestPlan | undefined;
  #markets: Markets = new Map();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: PriceFetchesOptions) {
    this.#options = options;
    this.#state = createFetchState(options.clock.monotonicMs());
  }

  get isStandingIn(): boolean {
    return this.#state.isStandingIn;
  }

  follow(plan: RestPlan): void {
    this.#plan = plan;
    this.#markets = new Map(plan.markets.map((market) => [`${market.asset}-${market.quote}`, market]));
    this.#decide();
  }

  note(liveness: Liveness): void {
    const next = noteLiveness(this.#state, liveness, this.#options.clock.monotonicMs());
    if (next === this.#state) return;
    this.#state = next;
    this.#decide();
  }

  review(): void {
    this.#decide();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #decide(): void {
    this.#timer?.cancel();
    const { clock, logger } = this.#options;
    if (this.#isStopped || this.#plan === undefined || this.#plan.markets.length === 0) return;
    const nowMs = clock.monotonicMs();
    const wasStandingIn = this.#state.isStandingIn;
    const { state, fetch, wakeAtMs } = decideFetch(this.#state, this.#settings(this.#plan), nowMs);
    this.#state = state;
    if (state.isStandingIn !== wasStandingIn) {
      logger.info({ isStandingIn: state.isStandingIn }, 'REST takes the socket’s place, or gives it back');
    }
    this.#timer = clock.setTimeout(() => this.#decide(), Math.max(1, Math.min(LOOK_MS, Math.ceil(wakeAtMs - nowMs))));
    if (fetch !== undefined) void this.#fetch(fetch, this.#plan);
  }

  async #fetch(via: 'rest' | 'prewarm', plan: RestPlan): Promise<void> {
    const { clock, fetcher, logger } = this.#options;
    const startedMs = clock.monotonicMs();
    const includes = via === 'prewarm' ? plan.prewarm()?.includes : undefined;
    const asked = this.#markets;
    const outcome = await fetcher.batch(includes === undefined ? plan.markets : plan.markets.filter(includes));
    if (this.#isStopped) return;
    const isOk = outcome.kind === 'ok';
    if (isOk) await this.#takeAll(outcome.value, via, asked);
    else logger.debug({ via, cause: outcome.cause, reason: outcome.reason }, 'no prices by REST');
    const retryAfterMs = isOk ? undefined : outcome.retryAfterMs;
    const how = { via, startedMs, isOk, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    this.#state = noteFetched(this.#state, how, this.#settings(this.#plan ?? plan), clock.monotonicMs());
    this.#decide();
  }

  /** Nothing is asked without the right to; what would be due is asked at once when it comes. */
  #settings({ isFallbackEnabled, batchIntervalMs, prewarm }: RestPlan): FetchSettings {
    const { mayAsk, isDoubted } = this.#options;
    if (!mayAsk()) return { isFallbackEnabled: false, batchIntervalMs };
    return { isFallbackEnabled, batchIntervalMs, isDoubted: isDoubted(), prewarmIntervalMs: prewarm()?.intervalMs };
  }

  /** A batch of ten thousand is read and taken in so many turns of the event loop that no frame has to wait for it. */
  async #takeAll(prices: Iterable<FetchedPrice>, via: 'rest' | 'prewarm', asked: Markets): Promise<void> {
    const { logger, nextTurn = setImmediate } = this.#options;
    let taken = 0;
    try {
      for (const price of prices) {
        if (this.#isStopped) return;
        this.#take(price, via, asked);
        taken += 1;
        if (taken % PER_TURN === 0) await new Promise<void>((resolve) => nextTurn(resolve));
      }
    } catch (err) {
      logger.error({ err, via, taken }, 'prices by REST could not be taken');
    }
  }

  #take(fetched: FetchedPrice, via: 'rest' | 'prewarm', asked: Markets): void {
    const name = `${fetched.asset}-${fetched.quote}`;
    const market = this.#markets.get(name);
    // Asked for under another symbol, it is the price of something else.
    if (market === undefined || market.symbol !== asked.get(name)?.symbol) return;
    const price = parseDecimal(fetched.price);
    if (price === undefined || price === 0n || this.#options.isHalted(market, price)) return;
    this.#options.onQuote(quoteOf(market, { ...fetched, via, decimal: price }));
  }
}

function quoteOf(
  { asset, quote, symbol }: Instrument,
  fetched: FetchedPrice & { readonly via: 'rest' | 'prewarm'; readonly decimal: bigint },
): SourceQuote {
  const { bid, ask, tradeTime, via, decimal, confirmedMonotonicMs } = fetched;
  const [bidPrice, askPrice] = [bid, ask].map((text) => (text === undefined ? undefined : parseDecimal(text)));
  const tradeAtMs = tradeTime === undefined ? Number.NaN : Date.parse(tradeTime);
  return {
    asset,
    quote,
    symbol,
    price: decimal,
    confirmedMonotonicMs,
    via,
    ...(bidPrice !== undefined && { bid: bidPrice }),
    ...(askPrice !== undefined && { ask: askPrice }),
    ...(!Number.isNaN(tradeAtMs) && { tradeAtMs }),
  };
}
