/**
 * Which of two sources stands that differ by more than they may. Pure.
 *
 * There is no majority, so at first it is the one nearer to the price before. That one may be stuck, and would be the
 * nearer one for ever: after a while it gives way to the other if that has moved since, and further than a price wobbles
 * while it stands still. What wobbles about a price of its own takes nothing from one that rightly stands still, and of two
 * that are alive the price does not go to and fro.
 */
import type { Decimal } from '@weir/wire';

export interface Disputant {
  readonly source: string;
  readonly price: Decimal;
  /** Since when it has been this price, monotonic. */
  readonly movedMs: number;
  /** When it last left the price about which it had been, monotonic; -Infinity: never. */
  readonly leftMs: number;
}

export interface Dispute {
  /** Monotonic. */
  readonly sinceMs: number;
  /** Who stands, once it has lasted too long for the price before to say. */
  readonly stands?: string;
}

export interface Disputed {
  readonly price: Decimal;
  readonly dispute?: Dispute;
}

export const DISPUTE_MS = 5_000;

/** The first is the one that the document lists first. */
export function settleDispute<T extends Disputant>(
  [a, b]: readonly [T, T],
  before: Disputed | undefined,
  nowMs: number,
): { readonly stands: T; readonly dispute: Dispute } {
  const dispute = before?.dispute ?? { sinceMs: nowMs };
  const isSecondNearer = before !== undefined && distance(b.price, before.price) < distance(a.price, before.price);
  const nearer = isSecondNearer ? b : a;
  if (nowMs - dispute.sinceMs < DISPUTE_MS) return { stands: nearer, dispute };
  const known = [a, b].find(({ source }) => source === dispute.stands) ?? nearer;
  const other = known === a ? b : a;
  const isLeft = other.movedMs - known.movedMs > DISPUTE_MS && other.leftMs > known.leftMs;
  const stands = isLeft ? other : known;
  const isAsBefore = dispute.stands === stands.source;
  return { stands, dispute: isAsBefore ? dispute : { sinceMs: dispute.sinceMs, stands: stands.source } };
}

const distance = (a: Decimal, b: Decimal): Decimal => (a < b ? b - a : a - b);
