/**
 * What one source last said of each symbol, and when that was last known to be true.
 *
 * `confirmedMonotonicMs` is the time of the frame that brought the value, or of a later proof that nothing has changed. A heartbeat that names the newest trade proves the
 * price of that trade. A venue that pushes every change proves all its subscribed symbols with any frame, but only
 * those it has sent something of on this connection. A market that stands still proves nothing, whatever is sent of it:
 * its value is kept to itself until a proof after the resumption.
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
  readonly confirmedMonotonicMs: number;
}

/** Of a frame. */
export interface Arrival {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly connection: number;
}

/** kept: known, but not told. */
export type Verdict = 'told' | 'kept' | 'older' | 'unasked';

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

/** One confirmation a second keeps any price fresh; every frame would cost a walk over all symbols. */
const SWEEP_MS = 900;
/** Venue clocks are a little ahead at times; what is further ahead is no time to compare with. */
const AHEAD_MS_MAX = 2_000;

export function createSourceQuotes(options: SourceQuotesOptions): SourceQuotes {
  const { proofOfLife, isSubscribed, isHalted, onQuote } = options;
  const entries = new Map(options.symbols.map((market) => [market.symbol, createEntry(market)]));
  let sweptAtMs = -Infinity;

  const confirm = (entry: Entry, price: Decimal, { monotonicMs }: Arrival): Verdict => {
    entry.provenAtMs = monotonicMs;
    entry.quote = { ...entry.market, price, confirmedMonotonicMs: monotonicMs };
    onQuote(entry.quote);
    return 'told';
  };
  const keep = (entry: Entry, price: Decimal): Verdict => {
    entry.quote = { ...entry.market, price, confirmedMonotonicMs: entry.quote?.confirmedMonotonicMs ?? -Infinity };
    return 'kept';
  };

  return {
    ticker(event, arrival) {
      const entry = entries.get(event.symbol);
      if (entry === undefined) return 'unasked';
      const price = readTicker(entry, event, arrival);
      if (price === undefined) return 'older';
      return isHalted(event.symbol) ? keep(entry, price) : confirm(entry, price, arrival);
    },
    book(event, arrival) {
      const entry = entries.get(event.symbol);
      if (entry === undefined) return 'unasked';
      noteSign(entry, arrival);
      const isEmpty = event.bid === undefined && event.ask === undefined;
      // Where a trade id is the proof, a book says nothing about the last trade.
      if (entry.quote === undefined || isEmpty || proofOfLife !== 'connection-heartbeat') return 'kept';
      return isHalted(event.symbol) ? 'kept' : confirm(entry, entry.quote.price, arrival);
    },
    heartbeat({ symbol, lastTradeId }, arrival) {
      const entry = symbol === undefined ? undefined : entries.get(symbol);
      if (proofOfLife !== 'trade-id-heartbeat' || entry?.quote === undefined || lastTradeId === undefined) return;
      if (entry.tradeId === lastTradeId && !isHalted(entry.market.symbol)) confirm(entry, entry.quote.price, arrival);
    },
    alive(arrival) {
      if (proofOfLife !== 'connection-heartbeat' || arrival.monotonicMs - sweptAtMs < SWEEP_MS) return;
      sweptAtMs = arrival.monotonicMs;
      for (const [symbol, entry] of entries) {
        const { quote } = entry;
        if (quote === undefined || quote.confirmedMonotonicMs === arrival.monotonicMs) continue;
        if (entry.connection !== arrival.connection || !isSubscribed(symbol) || isHalted(symbol)) continue;
        confirm(entry, quote.price, arrival);
      }
    },
    unprovenSince(monotonicMs) {
      return [...entries]
        .filter(([symbol, entry]) => entry.provenAtMs < monotonicMs && isSubscribed(symbol))
        .map(([symbol]) => symbol);
    },
  };
}

/** The price; `undefined`: older than what is known. */
function readTicker(entry: Entry, event: TickerEvent, arrival: Arrival): Decimal | undefined {
  const price = parseDecimal(event.price);
  const venueTimeMs = venueTimeOf(event, arrival.wallMs);
  if (price === undefined || isOlder(event, venueTimeMs, entry)) return undefined;
  entry.tradeId = event.tradeId;
  entry.sequence = event.sequence;
  entry.venueTimeMs = venueTimeMs;
  noteSign(entry, arrival);
  return price;
}

/** The venue has sent something of the symbol on this connection. */
function noteSign(entry: Entry, { monotonicMs, connection }: Arrival): void {
  entry.connection = connection;
  entry.provenAtMs = monotonicMs;
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
