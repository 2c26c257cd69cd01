/**
 * What one source last said of each symbol, and when that was last known to be true.
 *
 * A quote is put together from the frames that bring parts of it: tickers, books, trades. `confirmedMonotonicMs` is the
 * time of the last such frame, or of a later proof that nothing has changed. A heartbeat that names the newest trade
 * proves the price of that trade, and nothing of the book. A venue that pushes every change proves all its subscribed
 * symbols with any frame, but only those it has sent something of on this connection. A venue that repeats its books
 * proves each symbol by its own frames alone. A market that stands still proves nothing, whatever is sent of it: its
 * value is kept to itself until a proof after the resumption. Nor does anything prove what a dropped frame contradicts
 * (`doubts.ts`).
 *
 * While a second connection is open beside the one that counts (`relay.ts`), both bring news: what comes first is told,
 * what is older or the same is not, whichever of them it comes from. What the venue gives no order to cannot be compared,
 * and is left to the connection that counts.
 */
import type { HeartbeatEvent, ProofOfLife, QuoteEvent, TickerEvent, VenueEvent } from '@weir/venues';
import { MAX_TRADE_AGE_MS, parseDecimal } from '@weir/wire';
import { Doubts, forgetDoubts } from './doubts.ts';
import { bookOf, isLater, isToldByOther, judgeOrder, lastOf, type Arrival, type OrderedFrame } from './frame-order.ts';
import {
  createKnownMarket,
  forgetBook,
  learnBook,
  learnLast,
  quoteOf,
  type KnownMarket,
  type Market,
  type SourceQuote,
} from './known-market.ts';
import { surveyMarkets, type Survey } from './survey-markets.ts';
import { AHEAD_MS_MAX, venueTimeUsOf, type Mark } from './ticker-order.ts';

export type { Arrival } from './frame-order.ts';
export type { Market, SourceQuote } from './known-market.ts';

type TradeEvent = Extract<VenueEvent, { readonly kind: 'trade' | 'past-trade' }>;

/** kept: known, but not told. duplicate: told already, from the other connection. */
export type Verdict = 'told' | 'kept' | 'older' | 'duplicate' | 'unasked';

export interface SourceQuotes {
  ticker(event: TickerEvent, arrival: Arrival): Verdict;
  book(event: QuoteEvent, arrival: Arrival): Verdict;
  trade(event: TradeEvent, arrival: Arrival): Verdict;
  heartbeat(event: HeartbeatEvent, arrival: Arrival): void;
  /** After every frame of the connection that counts. */
  alive(arrival: Arrival): void;
  /** The second connection has sent something of every symbol that is subscribed on it and has a value that moves. */
  covers(second: number, isSubscribed: (symbol: string) => boolean): boolean;
  /** Subscribed symbols without any proof since then, though their markets do not stand still. */
  unprovenSince(monotonicMs: number): readonly string[];
  /** How the markets stand, of the connection that counts; each that is to be asked for again is named once a minute. */
  survey(connection: number, nowMs: number): Survey;
  /** Other markets instead; what is known of those that stay is kept. */
  follow(markets: readonly Market[]): void;
}

export interface SourceQuotesOptions {
  readonly symbols: readonly Market[];
  readonly proofOfLife: ProofOfLife;
  readonly isSubscribed: (symbol: string) => boolean;
  /** Its market stands still. */
  readonly isHalted: (symbol: string) => boolean;
  /** The number is that of an open connection. */
  readonly isOpen: (connection: number) => boolean;
  readonly onQuote: (quote: SourceQuote) => void;
  /** A frame names its time at the venue; `isAhead`: so far ahead of ours that it is not used. */
  readonly onVenueTime?: (venueTimeMs: number, arrival: Arrival, isAhead: boolean) => void;
}

/**
 * One confirmation a second keeps any price fresh; every frame would cost a walk over all symbols. A frame confirms as many
 * as have their turn by then, so that a busy connection has no long walks.
 */
const SWEEP_MS = 900;

export function createSourceQuotes(options: SourceQuotesOptions): SourceQuotes {
  return new KnownQuotes(options);
}

class KnownQuotes implements SourceQuotes {
  readonly #options: SourceQuotesOptions;
  #markets: ReadonlyMap<string, KnownMarket>;
  readonly #proof: ProofOfLife;
  readonly #doubts = new Doubts();
  /** In the order of their turns. */
  #queue: readonly KnownMarket[];
  #nextTurn = 0;
  /** The instant that turns have been given up to. */
  #sweptAtMs = -Infinity;
  /** What a second connection has yet to be seen to have; only shrinks, so that a look costs little. */
  #wanting: { readonly second: number; readonly rest: KnownMarket[] } = { second: 0, rest: [] };

  constructor(options: SourceQuotesOptions) {
    this.#options = options;
    this.#markets = new Map(options.symbols.map((market) => [market.symbol, createKnownMarket(market)]));
    this.#queue = [...this.#markets.values()];
    this.#proof = options.proofOfLife;
  }

  ticker(event: TickerEvent, arrival: Arrival): Verdict {
    const known = this.#markets.get(event.symbol);
    if (known === undefined) return 'unasked';
    const price = parseDecimal(event.price);
    if (price === undefined) return 'older';
    const mark = this.#markOf(event, event.price, arrival);
    const hasBook = event.bid !== undefined || event.ask !== undefined;
    const frame = { channel: 'ticker', mark, price, ...(hasBook && { book: bookOf(event) }) } as const;
    const stop = this.#stopAt(known, frame, arrival);
    if (stop !== undefined) return stop;
    known.tradeId = event.tradeId;
    known.missedSinceMs = undefined;
    known.marks.ticker = mark;
    learnLast(known, lastOf(event, frame, arrival));
    if (hasBook) this.#learnTickerBook(known, event, arrival);
    return this.#confirm(known, arrival);
  }

  trade(event: TradeEvent, arrival: Arrival): Verdict {
    const known = this.#markets.get(event.symbol);
    if (known === undefined) return 'unasked';
    const price = parseDecimal(event.price);
    if (price === undefined) return 'older';
    const mark = this.#markOf(event, `${event.price} ${event.tradeId ?? ''}`, arrival);
    const isPast = event.kind === 'past-trade';
    // What is repeated for context is no news beside a price, unless its time says so.
    if (isPast && known.last !== undefined && !isLater(mark, known.last)) return 'kept';
    const frame = { channel: 'trade', mark, price } as const;
    const stop = this.#stopAt(known, frame, arrival);
    if (stop !== undefined) return stop;
    known.marks.trade = mark;
    if (!learnLast(known, lastOf(event, frame, arrival))) return 'older';
    if (event.tradeId !== undefined) known.tradeId = event.tradeId;
    known.missedSinceMs = undefined;
    return isPast && mark.venueTimeUs === undefined ? 'kept' : this.#confirm(known, arrival);
  }

  book(event: QuoteEvent, arrival: Arrival): Verdict {
    const known = this.#markets.get(event.symbol);
    if (known === undefined) return 'unasked';
    const isEmpty = event.bid === undefined && event.ask === undefined;
    const mark = this.#markOf(event, `${event.bid ?? ''} ${event.ask ?? ''}`, arrival);
    const book = bookOf(event);
    const stop = this.#stopAt(known, { channel: 'quote', mark, book }, arrival);
    if (stop !== undefined) return stop;
    known.marks.quote = mark;
    if (isEmpty) forgetBook(known);
    else learnBook(known, book, arrival.monotonicMs);
    // Where a trade id is the proof, a book says nothing about the last trade.
    return isEmpty || this.#proof === 'trade-id-heartbeat' ? 'kept' : this.#confirm(known, arrival);
  }

  heartbeat({ symbol, lastTradeId }: HeartbeatEvent, arrival: Arrival): void {
    const known = symbol === undefined ? undefined : this.#markets.get(symbol);
    if (this.#proof !== 'trade-id-heartbeat' || known === undefined || lastTradeId === undefined) return;
    if (known.tradeId !== lastTradeId) {
      // What has never sent one is asked for again with all that nothing proves.
      if (known.tradeId !== undefined) known.missedSinceMs ??= arrival.monotonicMs;
      return;
    }
    known.missedSinceMs = undefined;
    forgetDoubts(known);
    this.#confirm(known, arrival);
  }

  alive(arrival: Arrival): void {
    if (this.#proof !== 'connection-heartbeat') return;
    for (let turns = this.#turnsDue(arrival.monotonicMs); turns > 0; turns -= 1) {
      const known = this.#queue[this.#nextTurn];
      if (known === undefined) return;
      this.#nextTurn = (this.#nextTurn + 1) % this.#queue.length;
      if (known.confirmedMs === arrival.monotonicMs) continue;
      const hasSent = known.connection === arrival.connection || known.second === arrival.connection;
      if (hasSent && this.#options.isSubscribed(known.market.symbol)) this.#confirm(known, arrival);
    }
  }

  /** How many markets have their turn to be confirmed; all of them after a pause. */
  #turnsDue(nowMs: number): number {
    const { length } = this.#queue;
    const elapsedMs = nowMs - this.#sweptAtMs;
    if (elapsedMs >= SWEEP_MS) {
      this.#sweptAtMs = nowMs;
      return length;
    }
    const turns = Math.floor((length * elapsedMs) / SWEEP_MS);
    if (turns > 0) this.#sweptAtMs += (turns * SWEEP_MS) / length;
    return turns;
  }

  covers(second: number, isSubscribedThere: (symbol: string) => boolean): boolean {
    if (this.#wanting.second !== second) this.#wanting = { second, rest: [...this.#markets.values()] };
    const { rest } = this.#wanting;
    const { isOpen, isHalted } = this.#options;
    for (let known = rest.at(-1); known !== undefined; known = rest.at(-1)) {
      const { symbol } = known.market;
      const hasValue = known.last !== undefined && isOpen(known.connection) && !isHalted(symbol);
      if (hasValue && known.second !== second && isSubscribedThere(symbol)) return false;
      rest.pop();
    }
    return true;
  }

  unprovenSince(monotonicMs: number): readonly string[] {
    const { isSubscribed, isHalted } = this.#options;
    return [...this.#markets]
      .filter(([symbol, known]) => known.provenAtMs < monotonicMs && isSubscribed(symbol) && !isHalted(symbol))
      .map(([symbol]) => symbol);
  }

  survey(connection: number, nowMs: number): Survey {
    return surveyMarkets(this.#queue, { ...this.#options, connection, nowMs });
  }

  follow(markets: readonly Market[]): void {
    const before = this.#markets;
    const known = (market: Market): KnownMarket => {
      const { asset, quote } = before.get(market.symbol)?.market ?? {};
      const isSame = asset === market.asset && quote === market.quote;
      return (isSame ? before.get(market.symbol) : undefined) ?? createKnownMarket(market);
    };
    this.#markets = new Map(markets.map((market) => [market.symbol, known(market)]));
    this.#queue = [...this.#markets.values()];
    this.#nextTurn = 0;
    this.#wanting = { second: 0, rest: [] };
  }

  /** Why a frame brings nothing; `undefined`: it brings something, and is noted as a sign of its connection. */
  #stopAt(known: KnownMarket, frame: OrderedFrame, arrival: Arrival): Verdict | undefined {
    const { isOpen } = this.#options;
    const { channel } = frame;
    const before = known.marks[channel];
    const order = judgeOrder(known, frame, arrival, { isOpen, doubts: this.#doubts });
    if (order === 'older') {
      // It lags, but it is there.
      if (arrival.isSecond === true) known.second = arrival.connection;
      return 'older';
    }
    const isUnordered = order === 'unknown' || (channel === 'quote' && before === undefined);
    if (channel === 'quote' && arrival.isSecond === true && isUnordered) {
      // It may still stand where the other one stood a moment ago.
      noteSign(known, arrival);
      return 'kept';
    }
    const isToldAlready = isToldByOther(before, arrival, isOpen);
    if (isToldAlready && order === 'unknown') return 'kept';
    noteSign(known, arrival);
    return isToldAlready && order === 'same' ? 'duplicate' : undefined;
  }

  /** A ticker tells the whole book; one of a channel of its own may be a newer one. */
  #learnTickerBook(known: KnownMarket, event: TickerEvent, { monotonicMs }: Arrival): void {
    const { quote, ticker } = known.marks;
    const bookTimeUs = quote?.venueTimeUs;
    const timeUs = ticker?.venueTimeUs;
    if (bookTimeUs !== undefined && timeUs !== undefined && timeUs < bookTimeUs) return;
    forgetBook(known);
    learnBook(known, bookOf(event), monotonicMs);
  }

  #markOf(event: Pick<TickerEvent, 'venueTime' | 'tradeTime' | 'sequence'>, content: string, arrival: Arrival): Mark {
    const { tradeTime, venueTime = tradeTime, sequence } = event;
    let venueTimeUs = venueTime === undefined ? undefined : venueTimeUsOf(venueTime);
    if (venueTimeUs !== undefined) {
      const venueTimeMs = venueTimeUs / 1_000;
      const isAhead = venueTimeMs > arrival.wallMs + AHEAD_MS_MAX;
      this.#options.onVenueTime?.(venueTimeMs, arrival, isAhead);
      if (isAhead) venueTimeUs = undefined;
      else if (arrival.isSecond !== true) this.#doubts.noteTime(venueTimeUs, arrival.monotonicMs);
    }
    return { content, sequence, venueTimeUs, arrivedMs: arrival.monotonicMs, connection: arrival.connection };
  }

  #confirm(known: KnownMarket, { monotonicMs }: Arrival): Verdict {
    if (this.#options.isHalted(known.market.symbol)) return 'kept';
    // No heartbeat proves a book where trades are what it names.
    const bookAtMs = Math.max(known.bid?.atMs ?? -Infinity, known.ask?.atMs ?? -Infinity);
    if (this.#proof === 'trade-id-heartbeat' && monotonicMs - bookAtMs > MAX_TRADE_AGE_MS) forgetBook(known);
    if (this.#doubts.isDoubted(known, monotonicMs)) return 'kept';
    const quote = quoteOf(known, monotonicMs);
    if (quote === undefined) return 'kept';
    known.provenAtMs = monotonicMs;
    known.confirmedMs = monotonicMs;
    this.#options.onQuote(quote);
    return 'told';
  }
}

/** The venue has sent something of the symbol on this connection. */
function noteSign(known: KnownMarket, { monotonicMs, connection, isSecond = false }: Arrival): void {
  if (isSecond) known.second = connection;
  else known.connection = connection;
  known.provenAtMs = monotonicMs;
}
