/** What is known of one market of one venue: its last price and its book, put together from the frames of its channels. */
import type { Decimal } from '@weir/wire';
import type { Mark, Setback } from './ticker-order.ts';

export interface Market {
  readonly asset: string;
  readonly quote: string;
  /** The venue's spelling. */
  readonly symbol: string;
}

export interface SourceQuote extends Market {
  /** Of the last trade. */
  readonly price: Decimal;
  /** Of the book, as far as it is known to be the current one. */
  readonly bid?: Decimal;
  readonly ask?: Decimal;
  /** When it was traded, where the venue says so: by our wall clock and never in its future. */
  readonly tradeAtMs?: number;
  readonly confirmedMonotonicMs: number;
  readonly via: 'ws' | 'rest' | 'prewarm';
}

/** Where a frame of a market stands in an order of its own. */
export type Channel = 'ticker' | 'quote' | 'trade';

export interface Last {
  readonly price: Decimal;
  /** It was told in. */
  readonly channel: Channel;
  /** Of the frame that told it; it orders what different channels tell. */
  readonly venueTimeUs: number | undefined;
  /** Of the trade itself. */
  readonly tradeAtMs: number | undefined;
}

/** One side of the book, and since when it is that of the venue. Monotonic. */
interface Side {
  readonly price: Decimal;
  readonly atMs: number;
}

/** A dropped frame contradicts what is known. */
export interface Doubt {
  /** Of the last such frame. Monotonic. */
  readonly atMs: number;
  /** By how much the venue's clock would have been set back. */
  readonly backUs: number;
  /** How far the venue's times were ahead of ours before. */
  readonly leadUs: number;
}

export interface KnownMarket {
  readonly market: Market;
  readonly marks: Record<Channel, Mark | undefined>;
  /** Frames that came later than the one of the mark and say that they are older. */
  readonly setbacks: Record<Channel, Setback | undefined>;
  last: Last | undefined;
  /** A frame with another last price was dropped since it was learnt: which of them holds is not known. */
  lastDoubt: Doubt | undefined;
  bid: Side | undefined;
  ask: Side | undefined;
  bookDoubt: Doubt | undefined;
  tradeId: string | undefined;
  /** The quote as it was told last, but for its confirmation; absent: something has changed since. */
  told: Omit<SourceQuote, 'confirmedMonotonicMs'> | undefined;
  confirmedMs: number;
  /** The last connection that counted and has sent something of the symbol. */
  connection: number;
  /** The last second one that has. */
  second: number;
  /** The last connection that has sent more of it than what a new one is sent at first. */
  movedOn: number;
  provenAtMs: number;
  /** Since when its heartbeats name another trade than the last one that was sent. */
  missedSinceMs: number | undefined;
  /** When it was last asked for again for that. */
  askedAgainMs: number;
}

export function createKnownMarket({ asset, quote, symbol }: Market): KnownMarket {
  return {
    market: { asset, quote, symbol },
    marks: { ticker: undefined, quote: undefined, trade: undefined },
    setbacks: { ticker: undefined, quote: undefined, trade: undefined },
    last: undefined,
    lastDoubt: undefined,
    bid: undefined,
    ask: undefined,
    bookDoubt: undefined,
    tradeId: undefined,
    told: undefined,
    confirmedMs: -Infinity,
    connection: 0,
    second: 0,
    movedOn: 0,
    provenAtMs: -Infinity,
    missedSinceMs: undefined,
    askedAgainMs: -Infinity,
  };
}

/**
 * The last price, unless another channel has told one of a later time; whether it was taken. Within its channel it has its
 * place already, and without times the last to arrive stands.
 */
export function learnLast(known: KnownMarket, next: Last): boolean {
  const { last } = known;
  const isEarlier =
    last !== undefined &&
    last.channel !== next.channel &&
    last.venueTimeUs !== undefined &&
    next.venueTimeUs !== undefined &&
    next.venueTimeUs < last.venueTimeUs;
  if (isEarlier) return false;
  known.lastDoubt = undefined;
  if (last?.price !== next.price || last.tradeAtMs !== next.tradeAtMs) known.told = undefined;
  known.last = next;
  return true;
}

export interface Book {
  readonly bid: Decimal | undefined;
  readonly ask: Decimal | undefined;
}

/** A frame may tell one side alone because the other has not changed, or because there is none: it stands this long. */
const SIDE_KEPT_MS = 5_000;

/** Both sides at once, or what has changed of them; two sides of different age that cross cannot both be right. */
export function learnBook(known: KnownMarket, { bid, ask }: Book, atMs: number): void {
  let bidSide = bid === undefined ? keptSide(known.bid, atMs) : { price: bid, atMs };
  let askSide = ask === undefined ? keptSide(known.ask, atMs) : { price: ask, atMs };
  if (bidSide !== undefined && askSide !== undefined && bidSide.price > askSide.price) {
    if (bid === undefined) bidSide = undefined;
    else if (ask === undefined) askSide = undefined;
  }
  if (known.bid?.price !== bidSide?.price || known.ask?.price !== askSide?.price) known.told = undefined;
  known.bid = bidSide;
  known.ask = askSide;
  known.bookDoubt = undefined;
}

export function forgetBook(known: KnownMarket): void {
  if (known.bid !== undefined || known.ask !== undefined) known.told = undefined;
  known.bid = undefined;
  known.ask = undefined;
  known.bookDoubt = undefined;
}

const keptSide = (side: Side | undefined, atMs: number): Side | undefined =>
  side !== undefined && atMs - side.atMs <= SIDE_KEPT_MS ? side : undefined;

/** `undefined` without a last price: a book makes none up. */
export function quoteOf(known: KnownMarket, confirmedMonotonicMs: number): SourceQuote | undefined {
  const { market, last, bid, ask } = known;
  if (last === undefined) return undefined;
  known.told ??= {
    ...market,
    price: last.price,
    ...(bid !== undefined && { bid: bid.price }),
    ...(ask !== undefined && { ask: ask.price }),
    ...(last.tradeAtMs !== undefined && { tradeAtMs: last.tradeAtMs }),
    via: 'ws',
  };
  return { ...known.told, confirmedMonotonicMs };
}
