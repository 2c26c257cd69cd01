/**
 * What REST says against the socket of the same source, whose market may have stopped sending while its connection proves
 * itself alive. Every prewarm is such a second opinion. Pure but for what it takes down.
 *
 * A value of REST that is further from the socket's than sources may differ, twice, with the socket unmoved all the while:
 * then nothing that the socket repeats counts until it says something else. Answers of REST may come from a cache, so the
 * two are some seconds apart.
 */
import type { Decimal } from '@weir/wire';
import type { SourceQuote } from './connect/connector.ts';
import { differs } from './move-guard.ts';

/** Of the socket's say. */
export interface Doubt {
  /** When REST contradicted the value that still stands, first; monotonic. */
  readonly sinceMs: number;
  /** It has done so again: what is not to be believed. */
  readonly disbelieved?: SourceQuote;
}

export interface Doubtable {
  /** The last quote that was valued. */
  readonly said: SourceQuote;
  readonly isHeld: boolean;
  readonly accepted: { readonly value: { readonly price: Decimal }; readonly movedMs: number } | undefined;
}

const AGAIN_AFTER_MS = 10_000;

/** After a value of REST; `undefined`: there is no doubt. */
export function doubtAfter(
  known: Doubt | undefined,
  socket: Doubtable,
  rest: { readonly price: Decimal; readonly confirmedMs: number },
  maxDeviationBps: number,
): Doubt | undefined {
  const { accepted, said, isHeld } = socket;
  if (accepted === undefined) return known;
  // What leaps is not stuck.
  if (isHeld || !differs(rest.price, accepted.value.price, BigInt(maxDeviationBps))) return undefined;
  if (known === undefined || accepted.movedMs >= known.sinceMs) return { sinceMs: rest.confirmedMs };
  const isAgain = rest.confirmedMs - known.sinceMs >= AGAIN_AFTER_MS;
  return isAgain ? { sinceMs: known.sinceMs, disbelieved: said } : known;
}

/** Whether the socket only repeats what is not believed. */
export function isDisbelieved(doubt: Doubt | undefined, { price, bid, ask }: SourceQuote): boolean {
  const known = doubt?.disbelieved;
  return known?.price === price && known.bid === bid && known.ask === ask;
}
