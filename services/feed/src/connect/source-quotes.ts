/**
 * What one source last said of each symbol, and when that was last known to be true.
 *
 * `confirmedMonotonicMs` is the time of the frame that brought the value, or of a later proof that nothing has changed. A heartbeat that names the newest trade proves the
 * price of that trade. A venue that pushes every change proves all its subscribed symbols with any frame, but only
 * those it has sent something of on this connection. A market that stands still proves nothing, whatever is sent of it:
 * its value is kept to itself until a proof after the resumption.
 *
 * While a second connection is open beside the one that counts (`relay.ts`), both bring news: what comes first is told,
 * what is older or the same is not, whichever of them it comes from. What the venue gives no order to cannot be compared,
 * and is left to the connection that counts.
 */
import type { HeartbeatEvent, ProofOfLife, QuoteEvent, TickerEvent } from '@weir/venues';
import { parseDecimal, type Decimal } from '@weir/wire';
import { compareTickers, venueTimeOf, type TickerMark } from './ticker-order.ts';

export interface Market {
  readonly asset: string;
  readonly quote: string;
  /** The venue's spelling. */
  readonly symbol: string;
}

export interface SourceQuote extends Market {
  /** Of the last trade. */
  readonly price: Decimal;
  readonly confirmedMonotonicMs: number;
}

/** Of a frame. */
export interface Arrival {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly connection: number;
  /** Another connection is the one that counts. */
  readonly isSecond?: boolean;
}

/** kept: known, but not told. duplicate: told already, from the other connection. */
export type Verdict = 'told' | 'kept' | 'older' | 'duplicate' | 'unasked';

export interface SourceQuotes {
  ticker(event: TickerEvent, arrival: Arrival): Verdict;
  book(event: QuoteEvent, arrival: Arrival): Verdict;
  heartbeat(event: HeartbeatEvent, arrival: Arrival): void;
  /** After every frame of the connection that counts. */
  alive(arrival: Arrival): void;
  /** The second connection has sent something of every symbol that is subscribed on it and has a value that moves. */
  covers(second: number, isSubscribed: (symbol: string) => boolean): boolean;
  /** Subscribed symbols without any proof since then. */
  unprovenSince(monotonicMs: number): readonly string[];
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
}

interface Entry {
  readonly market: Market;
  quote: SourceQuote | undefined;
  tradeId: string | undefined;
  /** The ticker that the value came by. */
  newest: TickerMark | undefined;
  /** The last that counted and has sent something of the symbol. */
  connection: number;
  /** The last second one that has. */
  second: number;
  provenAtMs: number;
}

/** One confirmation a second keeps any price fresh; every frame would cost a walk over all symbols. */
const SWEEP_MS = 900;
export function createSourceQuotes(options: SourceQuotesOptions): SourceQuotes {
  return new KnownQuotes(options);
}

class KnownQuotes implements SourceQuotes {
  readonly #options: SourceQuotesOptions;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #isPushed: boolean;
  #sweptAtMs = -Infinity;
  /** What a second connection has yet to be seen to have; only shrinks, so that a look costs little. */
  #wanting: { readonly second: number; readonly rest: Entry[] } = { second: 0, rest: [] };

  constructor(options: SourceQuotesOptions) {
    this.#options = options;
    this.#entries = new Map(options.symbols.map((market) => [market.symbol, createEntry(market)]));
    this.#isPushed = options.proofOfLife === 'connection-heartbeat';
  }

  ticker(event: TickerEvent, arrival: Arrival): Verdict {
    const { isOpen, isHalted } = this.#options;
    const entry = this.#entries.get(event.symbol);
    if (entry === undefined) return 'unasked';
    const price = parseDecimal(event.price);
    if (price === undefined) return 'older';
    const { connection } = arrival;
    const mark = { price, sequence: event.sequence, venueTimeUs: venueTimeOf(event, arrival.wallMs), connection };
    const order = compareTickers(entry.newest, mark);
    if (order === 'older') {
      // It lags, but it is there.
      if (arrival.isSecond === true) entry.second = connection;
      return 'older';
    }
    const toldBy = entry.newest?.connection ?? connection;
    const isToldByOther = toldBy !== connection && isOpen(toldBy);
    if (isToldByOther && order === 'unknown') return 'kept';
    noteSign(entry, arrival);
    if (isToldByOther && order === 'same') return 'duplicate';
    entry.tradeId = event.tradeId;
    entry.newest = mark;
    return isHalted(event.symbol) ? keep(entry, price) : this.#confirm(entry, price, arrival);
  }

  book(event: QuoteEvent, arrival: Arrival): Verdict {
    const entry = this.#entries.get(event.symbol);
    if (entry === undefined) return 'unasked';
    noteSign(entry, arrival);
    const isEmpty = event.bid === undefined && event.ask === undefined;
    // Where a trade id is the proof, a book says nothing about the last trade.
    if (entry.quote === undefined || isEmpty || !this.#isPushed) return 'kept';
    // It may still stand where the other one stood a moment ago.
    if (arrival.isSecond === true) return 'kept';
    return this.#options.isHalted(event.symbol) ? 'kept' : this.#confirm(entry, entry.quote.price, arrival);
  }

  heartbeat({ symbol, lastTradeId }: HeartbeatEvent, arrival: Arrival): void {
    const entry = symbol === undefined ? undefined : this.#entries.get(symbol);
    if (this.#isPushed || entry?.quote === undefined || lastTradeId === undefined) return;
    if (entry.tradeId !== lastTradeId || this.#options.isHalted(entry.market.symbol)) return;
    this.#confirm(entry, entry.quote.price, arrival);
  }

  alive(arrival: Arrival): void {
    if (!this.#isPushed || arrival.monotonicMs - this.#sweptAtMs < SWEEP_MS) return;
    this.#sweptAtMs = arrival.monotonicMs;
    const { isSubscribed, isHalted } = this.#options;
    for (const [symbol, entry] of this.#entries) {
      const { quote } = entry;
      if (quote === undefined || quote.confirmedMonotonicMs === arrival.monotonicMs) continue;
      const hasSent = entry.connection === arrival.connection || entry.second === arrival.connection;
      if (!hasSent || !isSubscribed(symbol) || isHalted(symbol)) continue;
      this.#confirm(entry, quote.price, arrival);
    }
  }

  covers(second: number, isSubscribedThere: (symbol: string) => boolean): boolean {
    if (this.#wanting.second !== second) this.#wanting = { second, rest: [...this.#entries.values()] };
    const { rest } = this.#wanting;
    const { isOpen, isHalted } = this.#options;
    for (let entry = rest.at(-1); entry !== undefined; entry = rest.at(-1)) {
      const { symbol } = entry.market;
      const hasValue = entry.quote !== undefined && isOpen(entry.connection) && !isHalted(symbol);
      if (hasValue && entry.second !== second && isSubscribedThere(symbol)) return false;
      rest.pop();
    }
    return true;
  }

  unprovenSince(monotonicMs: number): readonly string[] {
    return [...this.#entries]
      .filter(([symbol, entry]) => entry.provenAtMs < monotonicMs && this.#options.isSubscribed(symbol))
      .map(([symbol]) => symbol);
  }

  #confirm(entry: Entry, price: Decimal, { monotonicMs }: Arrival): Verdict {
    entry.provenAtMs = monotonicMs;
    entry.quote = { ...entry.market, price, confirmedMonotonicMs: monotonicMs };
    this.#options.onQuote(entry.quote);
    return 'told';
  }
}

function keep(entry: Entry, price: Decimal): Verdict {
  entry.quote = { ...entry.market, price, confirmedMonotonicMs: entry.quote?.confirmedMonotonicMs ?? -Infinity };
  return 'kept';
}

/** The venue has sent something of the symbol on this connection. */
function noteSign(entry: Entry, { monotonicMs, connection, isSecond = false }: Arrival): void {
  if (isSecond) entry.second = connection;
  else entry.connection = connection;
  entry.provenAtMs = monotonicMs;
}

function createEntry(market: Market): Entry {
  return {
    market: { asset: market.asset, quote: market.quote, symbol: market.symbol },
    quote: undefined,
    tradeId: undefined,
    newest: undefined,
    connection: 0,
    second: 0,
    provenAtMs: -Infinity,
  };
}
