/**
 * What REST says against the socket of the same source, whose market may have stopped sending while its connection proves
 * itself alive. Every batch of REST is such a second opinion. Pure but for what it takes down.
 *
 * Where REST is further from the socket than sources may differ, the socket is doubted; after 10 s of that, nothing that it
 * repeats counts. Either ends when the socket says anything else, or REST agrees again. What is held against it must not be
 * a cache of the venue's: a socket that has said something new within 30 s is not doubted.
 *
 * Like is compared with like: values if both have a book, else bare last prices. A book that has left its last trade says
 * something else than that trade, and more.
 */
import { valueOfQuote, type Decimal } from '@weir/wire';
import type { SourceQuote } from './connect/connector.ts';
import { differs } from './move-guard.ts';

type Said = Pick<SourceQuote, 'price' | 'bid' | 'ask'>;

/** What the socket repeats, and whether that is believed. */
export interface Repeated {
  said: Said;
  /** When it was said first; all times are monotonic. */
  sinceMs: number;
  /** Since when REST has said something else, without a word for it. */
  doubtedSinceMs: number | undefined;
  isDisbelieved: boolean;
}

const STANDS_MS = 30_000;
const AGAIN_AFTER_MS = 10_000;

export const repeatedFrom = (said: SourceQuote): Repeated => ({
  said,
  sinceMs: said.confirmedMonotonicMs,
  doubtedSinceMs: undefined,
  isDisbelieved: false,
});

export const isRepeated = ({ said }: Repeated, { price, bid, ask }: SourceQuote): boolean =>
  said.price === price && said.bid === bid && said.ask === ask;

/** `isValued`: what REST says is worth something. Whether the socket is believed now, and was not, or the other way round. */
export function holdAgainst(
  repeated: Repeated,
  rest: SourceQuote,
  { isValued, maxDeviationBps }: { readonly isValued: boolean; readonly maxDeviationBps: number },
): boolean {
  const { confirmedMonotonicMs: nowMs } = rest;
  const wasDisbelieved = repeated.isDisbelieved;
  if (!areApart(repeated.said, rest, maxDeviationBps)) {
    repeated.doubtedSinceMs = undefined;
    repeated.isDisbelieved = false;
    return wasDisbelieved;
  }
  if (wasDisbelieved || !isValued || nowMs - repeated.sinceMs < STANDS_MS) return false;
  repeated.doubtedSinceMs ??= nowMs;
  repeated.isDisbelieved = nowMs - repeated.doubtedSinceMs >= AGAIN_AFTER_MS;
  return repeated.isDisbelieved;
}

function areApart(socket: Said, rest: SourceQuote, maxDeviationBps: number): boolean {
  const [said, told] =
    hasBook(socket) && hasBook(rest) ? [heldPrice(socket), heldPrice(rest)] : [socket.price, rest.price];
  return said !== undefined && told !== undefined && differs(told, said, BigInt(maxDeviationBps));
}

const hasBook = ({ bid, ask }: Said): boolean => bid !== undefined && ask !== undefined;

/** Whatever the age of its trade. */
function heldPrice(said: Said): Decimal | undefined {
  const value = valueOfQuote(said, undefined);
  return typeof value === 'string' ? undefined : value.price;
}
