/**
 * Which of two sources stands that differ by more than they may. Pure.
 *
 * There is no majority, so at first it is the one nearer to the price before. That one may be stuck, and would be the
 * nearer one for ever: after a while it is the one whose value has moved last, or the one that the document lists first
 * while both move. From then on it stands until it has not moved for as long while the other has, so that the price does
 * not go to and fro between two that are alive.
 */
import type { Decimal } from '@weir/wire';

export interface Disputant {
  readonly source: string;
  readonly price: Decimal;
  /** Since when it has been this price, monotonic. */
  readonly movedMs: number;
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
  if (nowMs - dispute.sinceMs < DISPUTE_MS) {
    const isSecondNearer = before !== undefined && distance(b.price, before.price) < distance(a.price, before.price);
    return { stands: isSecondNearer ? b : a, dispute };
  }
  const [known, other] = dispute.stands === b.source ? [b, a] : [a, b];
  const stands = other.movedMs - known.movedMs > DISPUTE_MS ? other : known;
  const isAsBefore = dispute.stands === stands.source;
  return { stands, dispute: isAsBefore ? dispute : { sinceMs: dispute.sinceMs, stands: stands.source } };
}

const distance = (a: Decimal, b: Decimal): Decimal => (a < b ? b - a : a - b);
