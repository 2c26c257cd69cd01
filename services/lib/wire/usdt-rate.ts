/**
 * The dollar rate of USDT that prices in USDT are converted by: what it was at the last tick, so that no price depends on
 * one that is being made, and never derived from anything but markets of USDT in dollars.
 */
import { DECIMAL_ONE, type Decimal } from './decimal.ts';

export interface DollarRate {
  readonly price: Decimal;
  /** Monotonic. */
  readonly confirmedMs: number;
}

const RATE_TICK_MS = 1_000;
export const RATE_AGE_MS_MAX = 60_000;
/** Beyond, USDT is no dollar any more, or its rate is wrong: either way nothing is to be converted by it. */
const LOWEST = (DECIMAL_ONE * 98n) / 100n;
const HIGHEST = (DECIMAL_ONE * 102n) / 100n;

/** Neither too old nor off the dollar. */
export function isUsableRate({ price, confirmedMs }: DollarRate, nowMs: number): boolean {
  return nowMs - confirmedMs <= RATE_AGE_MS_MAX && price >= LOWEST && price <= HIGHEST;
}

export class UsdtRate {
  #rate: DollarRate | undefined;
  #takenAtMs = -Infinity;
  #number = 0;

  /** Another number, another rate. */
  get number(): number {
    return this.#number;
  }

  /** Whether it is time to look, `isNews` saying whether there is anything new to see. */
  isDue(isNews: boolean, nowMs: number): boolean {
    return nowMs - this.#takenAtMs >= RATE_TICK_MS || (isNews && this.usable(nowMs) === undefined);
  }

  take(rate: DollarRate | undefined, nowMs: number): void {
    const before = this.usable(nowMs);
    this.#rate = rate && { price: rate.price, confirmedMs: rate.confirmedMs };
    this.#takenAtMs = nowMs;
    if (this.usable(nowMs)?.price !== before?.price) this.#number += 1;
  }

  /** `undefined`: prices in USDT cannot be converted. */
  usable(nowMs: number): DollarRate | undefined {
    return this.#rate !== undefined && isUsableRate(this.#rate, nowMs) ? this.#rate : undefined;
  }
}

export const convertByRate = (value: Decimal, rate: DollarRate): Decimal => (value * rate.price) / DECIMAL_ONE;
