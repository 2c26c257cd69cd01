/**
 * Holds a leap of the published price back until a second source agrees, or for a moment. Pure.
 *
 * A leap is a change of more than 10 % against any price that stood in the last 5 s (looked at twice a second). It is let
 * through when two sources are within 2 % of it, after 3 s in any case, and at once when nobody has confirmed the price
 * before it for 5 s: that one has nothing to defend.
 */
import type { Decimal } from '@weir/wire';

const LEAP_WINDOW_MS = 5_000;
export const HOLD_MS = 3_000;
const LEAP_BPS = 1_000n;
export const AGREE_BPS = 200n;
const SAMPLE_MS = 500;
const BPS = 10_000n;

export interface Moves {
  /** Prices that stood, oldest first; each until the next one. */
  readonly stood: { readonly price: Decimal; readonly sinceMs: number }[];
  holdSinceMs: number | undefined;
}

export const createMoves = (): Moves => ({ stood: [], holdSinceMs: undefined });

export interface Candidate {
  readonly price: Decimal;
  /** Everything that sources say now, counted or not. */
  readonly said: readonly Decimal[];
}

export interface Standing {
  readonly price: Decimal;
  readonly confirmedMs: number;
}

/** Whether the candidate has to wait. Remembers since when. */
export function isHeld(moves: Moves, candidate: Candidate, before: Standing | undefined, nowMs: number): boolean {
  const isHoldable =
    before !== undefined &&
    before.price !== candidate.price &&
    nowMs - before.confirmedMs <= LEAP_WINDOW_MS &&
    isLeap(moves, candidate.price, before.price, nowMs) &&
    countAgreeing(candidate) < 2;
  if (!isHoldable) {
    moves.holdSinceMs = undefined;
    return false;
  }
  moves.holdSinceMs ??= nowMs;
  if (nowMs - moves.holdSinceMs < HOLD_MS) return true;
  moves.holdSinceMs = undefined;
  // What stood has been defended for as long as it may be: what follows is no leap from it any more.
  moves.stood.length = 0;
  return false;
}

/** The price stands from now on. */
export function noteMove({ stood }: Moves, price: Decimal, nowMs: number): void {
  const last = stood.at(-1);
  if (last !== undefined && (last.price === price || nowMs - last.sinceMs < SAMPLE_MS)) return;
  stood.push({ price, sinceMs: nowMs });
  prune(stood, nowMs);
}

function isLeap({ stood }: Moves, price: Decimal, before: Decimal, nowMs: number): boolean {
  prune(stood, nowMs);
  return differs(price, before, LEAP_BPS) || stood.some((one) => differs(price, one.price, LEAP_BPS));
}

function prune(stood: Moves['stood'], nowMs: number): void {
  while (stood.length > 1 && (stood[1]?.sinceMs ?? Infinity) <= nowMs - LEAP_WINDOW_MS) stood.shift();
}

const countAgreeing = ({ price, said }: Candidate): number =>
  said.filter((one) => !differs(one, price, AGREE_BPS)).length;

/** By more than so many hundredths of a percent of the second. */
export function differs(a: Decimal, b: Decimal, bps: bigint): boolean {
  return (a < b ? b - a : a - b) * BPS > bps * b;
}
