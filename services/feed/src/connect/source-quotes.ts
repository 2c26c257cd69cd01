/**
 * What one source last said of each symbol, and when that was last known to be true.
 *
 * Two clocks: `tradeTimeMs` is the venue's time of the last change, `confirmedMonotonicMs` is ours: of the frame that
 * brought the value, or of a later proof that nothing has changed. A heartbeat that names the newest trade proves the
 * price of that trade. A venue that pushes every change proves all its subscribed symbols with any frame, but only
 * those it has sent something of on this connection. A market that stands still proves nothing.
 */
import type { HeartbeatEvent, ProofOfLife, QuoteEvent, TickerEvent } from '@weir/venues';
import { parseDecimal, type Decimal } from '@weir/wire';

export interface Market {
  readonly asset: string;
  readonly quote: string;
  /** The venue's spelling. */
  readonly symbol: string;
}

export interface SourceQuote extends Market {
  /** Of the last trade. */
  readonly price: Decimal;
  readonly bid?: Decimal;
  readonly ask?: Decimal;
  /** The venue's clock, never ahead of ours. */
  readonly tradeTimeMs?: number;
  readonly receivedMonotonicMs: number;
  readonly confirmedMonotonicMs: number;
  /** Price, bid or ask differ from what was told before; otherwise this is only a confirmation. */
  readonly changed: boolean;
}

/** Of a frame. */
export interface Arrival {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly connection: number;
}

export type Verdict = 'told' | 'older' | 'unasked' | 'no-price';

export interface SourceQuotes {
  ticker(event: TickerEvent, arrival: Arrival): Verdict;
  book(event: QuoteEvent, arrival: Arrival): Verdict;
  heartbeat(event: HeartbeatEvent, arrival: Arrival): void;
  /** After every frame. */
  alive(arrival: Arrival): void;
  /** Subscribed symbols without any proof since then. */
  unprovenSince(monotonicMs: number): readonly string[];
}

export interface SourceQuotesOptions {
  readonly symbols: readonly Market[];
  readonly proofOfLife: ProofOfLife;
  readonly isSubscribed: (symbol: string) => boolean;
  /** Its market stands still. */
  readonly isHalted: (symbol: string) => boolean;
  readonly onQuote: (quote: SourceQuote) => void;
}

interface Entry {
  readonly market: Market;
  quote: SourceQuote | undefined;
  tradeId: string | undefined;
  sequence: number | undefined;
  /** The venue's own time, for comparing with itself. */
  venueTimeMs: number | undefined;
  connection: number;
  provenAtMs: number;
}

interface Book {
  readonly bid?: Decimal;
  readonly ask?: Decimal;
}

/** One confirmation a second keeps any price fresh; every frame would cost a walk over all symbols. */
const SWEEP_MS = 900;
/** Venue clocks are a little ahead at times; what is further ahead is no time to compare with. */
const AHEAD_MS_MAX = 2_000;
/** A book that is crossed by more than 10 bps is broken. */
const CROSSED_SHARE_MAX = 1_000n;

export function createSourceQuotes(options: SourceQuotesOptions): SourceQuotes {
  const { proofOfLife, isSubscribed, isHalted, onQuote } = options;
  const entries = new Map(options.symbols.map((market) => [market.symbol, createEntry(market)]));
  let sweptAtMs = -Infinity;

  const tell = (entry: Entry, quote: SourceQuote): Verdict => {
    entry.quote = quote;
    onQuote(quote);
    return 'told';
  };
  const confirm = (entry: Entry, quote: SourceQuote, { monotonicMs }: Arrival): void => {
    entry.provenAtMs = monotonicMs;
    tell(entry, { ...quote, confirmedMonotonicMs: monotonicMs, changed: false });
  };

  return {
    ticker(event, arrival) {
      const entry = entries.get(event.symbol);
      if (entry === undefined) return 'unasked';
      const quote = readTicker(entry, event, arrival);
      return quote === undefined ? 'older' : tell(entry, quote);
    },
    book(event, arrival) {
      const entry = entries.get(event.symbol);
      if (entry === undefined) return 'unasked';
      const quote = readBook(entry, event, arrival);
      if (quote === undefined) return 'no-price';
      // Where a trade id is the proof, a book says nothing about the last trade.
      if (proofOfLife === 'connection-heartbeat') return tell(entry, quote);
      return tell(entry, { ...quote, confirmedMonotonicMs: entry.quote?.confirmedMonotonicMs ?? 0 });
    },
    heartbeat({ symbol, lastTradeId }, arrival) {
      const entry = symbol === undefined ? undefined : entries.get(symbol);
      if (proofOfLife !== 'trade-id-heartbeat' || entry?.quote === undefined || lastTradeId === undefined) return;
      if (entry.tradeId === lastTradeId && !isHalted(entry.market.symbol)) confirm(entry, entry.quote, arrival);
    },
    alive(arrival) {
      if (proofOfLife !== 'connection-heartbeat' || arrival.monotonicMs - sweptAtMs < SWEEP_MS) return;
      sweptAtMs = arrival.monotonicMs;
      for (const [symbol, entry] of entries) {
        const { quote } = entry;
        if (quote === undefined || quote.confirmedMonotonicMs === arrival.monotonicMs) continue;
        if (entry.connection !== arrival.connection || !isSubscribed(symbol) || isHalted(symbol)) continue;
        confirm(entry, quote, arrival);
      }
    },
    unprovenSince(monotonicMs) {
      return [...entries]
        .filter(([symbol, entry]) => entry.provenAtMs < monotonicMs && isSubscribed(symbol))
        .map(([symbol]) => symbol);
    },
  };
}

/** `undefined`: older than what is known. */
function readTicker(entry: Entry, event: TickerEvent, arrival: Arrival): SourceQuote | undefined {
  const price = parseDecimal(event.price);
  const venueTimeMs = venueTimeOf(event, arrival.wallMs);
  if (price === undefined || isOlder(event, venueTimeMs, entry)) return undefined;
  entry.tradeId = event.tradeId;
  entry.sequence = event.sequence;
  entry.venueTimeMs = venueTimeMs;
  const tradeTimeMs = event.tradeTime === undefined ? undefined : Math.min(Date.parse(event.tradeTime), arrival.wallMs);
  return quoteOf(entry, { price, ...bookOf(event) }, tradeTimeMs, arrival);
}

/** The known price with a new book; `undefined` when there is no price, or no book. */
function readBook(entry: Entry, event: QuoteEvent, arrival: Arrival): SourceQuote | undefined {
  const { quote } = entry;
  const book = bookOf(event);
  if (quote !== undefined && (book.bid !== undefined || book.ask !== undefined)) {
    return quoteOf(entry, { price: quote.price, ...book }, quote.tradeTimeMs, arrival);
  }
  entry.connection = arrival.connection;
  entry.provenAtMs = arrival.monotonicMs;
  return undefined;
}

function createEntry(market: Market): Entry {
  return {
    market: { asset: market.asset, quote: market.quote, symbol: market.symbol },
    quote: undefined,
    tradeId: undefined,
    sequence: undefined,
    venueTimeMs: undefined,
    connection: 0,
    provenAtMs: -Infinity,
  };
}

function quoteOf(
  entry: Entry,
  value: Book & { readonly price: Decimal },
  tradeTimeMs: number | undefined,
  { monotonicMs, connection }: Arrival,
): SourceQuote {
  const before = entry.quote;
  entry.connection = connection;
  entry.provenAtMs = monotonicMs;
  return {
    ...entry.market,
    ...value,
    ...(tradeTimeMs !== undefined && { tradeTimeMs }),
    receivedMonotonicMs: monotonicMs,
    confirmedMonotonicMs: monotonicMs,
    changed: before?.price !== value.price || before.bid !== value.bid || before.ask !== value.ask,
  };
}

/**
 * A sequence that goes back is an older message, unless its time goes on: then the venue counts anew. Without a
 * sequence the time alone decides. Gaps mean nothing: the sequence counts events that are not sent here.
 */
function isOlder(event: TickerEvent, venueTimeMs: number | undefined, entry: Entry): boolean {
  const timeStep = venueTimeMs === undefined || entry.venueTimeMs === undefined ? 0 : venueTimeMs - entry.venueTimeMs;
  if (event.sequence === undefined || entry.sequence === undefined) return timeStep < 0;
  return event.sequence < entry.sequence && timeStep <= 0;
}

function venueTimeOf({ tradeTime }: TickerEvent, wallMs: number): number | undefined {
  if (tradeTime === undefined) return undefined;
  const timeMs = Date.parse(tradeTime);
  return timeMs > wallMs + AHEAD_MS_MAX ? undefined : timeMs;
}

function bookOf(event: { readonly bid?: string; readonly ask?: string }): Book {
  const bid = event.bid === undefined ? undefined : parseDecimal(event.bid);
  const ask = event.ask === undefined ? undefined : parseDecimal(event.ask);
  if (bid !== undefined && ask !== undefined && (bid - ask) * CROSSED_SHARE_MAX > ask) return {};
  return { ...(bid !== undefined && { bid }), ...(ask !== undefined && { ask }) };
}
