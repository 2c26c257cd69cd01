/**
 * What one source's quote is worth: its last price as its book allows it, or nothing. Pure.
 *
 * The last price is held within bid and ask when the book is narrow, since a trade may be old, and a venue's tickers may
 * lag its book. Without such a book a last price counts for a while, and one whose time nobody tells for as long as it is
 * confirmed: then the venue itself says that it is the current one.
 */
import type { Decimal } from './decimal.ts';

export interface SourceValue {
  readonly price: Decimal;
  /** Half of the distance between bid and ask, at least 1 bp of the price and at most all of it. */
  readonly halfSpread: Decimal;
}

/** crossed: bid above ask, by more than is a matter of moments. old-trade: no book, and no trade for too long. */
export type ValueRefusal = 'crossed' | 'old-trade';

/** A last price without a book is nobody's price any more. */
export const MAX_TRADE_AGE_MS = 900_000;
/** A wider book says little about the price. */
const SPREAD_BPS_MAX = 100n;
const CROSSED_BPS_MAX = 10n;
const BPS = 10_000n;

export interface Quoted {
  readonly price: Decimal;
  readonly bid?: Decimal;
  readonly ask?: Decimal;
}

/** `tradeAgeMs` is `undefined` where the venue tells no time. */
export function valueOfQuote({ price, bid, ask }: Quoted, tradeAgeMs: number | undefined): SourceValue | ValueRefusal {
  const isOld = tradeAgeMs !== undefined && tradeAgeMs > MAX_TRADE_AGE_MS;
  if (bid === undefined || ask === undefined)
    return isOld ? 'old-trade' : { price, halfSpread: atLeastOneBp(price, 0n) };
  const doubleMiddle = bid + ask;
  if (bid > ask) {
    if ((bid - ask) * 2n * BPS > CROSSED_BPS_MAX * doubleMiddle) return 'crossed';
    return isOld ? 'old-trade' : { price, halfSpread: atLeastOneBp(price, 0n) };
  }
  const spread = ask - bid;
  if (spread * 2n * BPS <= SPREAD_BPS_MAX * doubleMiddle) {
    const clamped = price < bid ? bid : price > ask ? ask : price;
    return { price: clamped, halfSpread: atLeastOneBp(clamped, spread / 2n) };
  }
  return isOld ? 'old-trade' : { price, halfSpread: atLeastOneBp(price, spread / 2n) };
}

function atLeastOneBp(price: Decimal, half: Decimal): Decimal {
  const least = price / BPS;
  return half < least ? least : half > price ? price : half;
}
