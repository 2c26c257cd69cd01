/**
 * Which frames of a market are taken, and what dropping one means. Order within a channel is decided here and nowhere
 * else: by the venue's sequence where it has one, else by its time.
 *
 * A frame that goes back is dropped. Either it lags, or the venue's clock was set back and it is the newest there is: so
 * what it would have replaced is doubted, and proved by nothing, until a frame is taken again. When such frames have come
 * for a while and go onwards among themselves, it was the clock: order begins anew with them. What else ends
 * a doubt is in `doubts.ts`.
 */
import { parseDecimal, type Decimal } from '@weir/wire';
import type { Doubts } from './doubts.ts';
import type { Book, Channel, KnownMarket, Last } from './known-market.ts';
import {
  compareMarks,
  isClockSetBack,
  isMove,
  noteSetback,
  showsClockSetBack,
  type Mark,
  type Order,
} from './ticker-order.ts';

/** Of a frame. */
export interface Arrival {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly connection: number;
  /** Another connection is the one that counts. */
  readonly isSecond?: boolean;
}

export interface OrderedFrame {
  readonly channel: Channel;
  readonly mark: Mark;
  /** What it tells of the last price and of the book; absent: nothing. */
  readonly price?: Decimal;
  readonly book?: Book;
}

type IsOpen = (connection: number) => boolean;

/** To be asked once of each frame. */
export function judgeOrder(
  known: KnownMarket,
  frame: OrderedFrame,
  arrival: Arrival,
  { isOpen, doubts }: { readonly isOpen: IsOpen; readonly doubts: Doubts },
): Order {
  const { channel, mark } = frame;
  const before = known.marks[channel];
  const order = compareMarks(before, mark);
  if (order !== 'older' && isMove(before, mark)) known.movedOn = mark.connection;
  // While two are open, one lags behind the other.
  if (arrival.isSecond === true || isToldByOther(before, arrival, isOpen)) return order;
  if (order !== 'older') {
    known.setbacks[channel] = undefined;
    if (showsClockSetBack(before, mark)) forgetTimes(known);
    return order;
  }
  const setback = noteSetback(known.setbacks[channel], mark, arrival.monotonicMs);
  if (isClockSetBack(setback, mark, arrival.monotonicMs)) {
    known.setbacks[channel] = undefined;
    forgetTimes(known);
    return 'newer';
  }
  known.setbacks[channel] = setback;
  doubts.raise(known, frame, arrival.monotonicMs);
  return order;
}

/** Another connection that is still open has told what is known. */
export function isToldByOther(mark: Mark | undefined, { connection }: Arrival, isOpen: IsOpen): boolean {
  return mark !== undefined && mark.connection !== connection && isOpen(mark.connection);
}

/** Nothing that comes is compared with them. */
function forgetTimes(known: KnownMarket): void {
  for (const channel of ['ticker', 'quote', 'trade'] as const) known.marks[channel] = undefined;
  if (known.last !== undefined) known.last = { ...known.last, venueTimeUs: undefined };
}

/** Clocks that are a little ahead of ours make no time to come. */
export function lastOf(
  { tradeTime }: { readonly tradeTime?: string },
  { channel, mark, price }: { readonly channel: Channel; readonly mark: Mark; readonly price: Decimal },
  { wallMs }: Arrival,
): Last {
  const { venueTimeUs } = mark;
  const isTrades = venueTimeUs !== undefined && tradeTime !== undefined;
  return {
    price,
    channel,
    venueTimeUs,
    tradeAtMs: isTrades ? Math.min(Math.floor(venueTimeUs / 1_000), wallMs) : undefined,
  };
}

export const isLater = (mark: Mark, last: Last): boolean =>
  mark.venueTimeUs !== undefined && last.venueTimeUs !== undefined && mark.venueTimeUs > last.venueTimeUs;

export const bookOf = ({ bid, ask }: { readonly bid?: string; readonly ask?: string }): Book => ({
  bid: bid === undefined ? undefined : parseDecimal(bid),
  ask: ask === undefined ? undefined : parseDecimal(ask),
});
