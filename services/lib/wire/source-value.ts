/**
 * What one source's quote is worth: its last price as its book allows it, or nothing. Pure.
 *
 * The last price is held within bid and ask, since a trade may be old, and a venue's tickers may lag its book: nobody sells
 * below a bid or buys above an ask that is there for the taking. A narrow book makes it current, however old the trade is.
 * Within a wide one, or without any, a last price counts for a while after its trade.
 */
import type { Decimal } from './decimal.ts';

export interface SourceValue {
  readonly price: Decimal;
  /** Half of the distance between bid and ask, at least 1 bp of the price and at most all of it. */
  readonly halfSpread: Decimal;
}

/** crossed: bid above ask, by more than is a matter of moments. old-trade: no narrow book, and no trade for too long. */
export type ValueRefusal = 'crossed' | 'old-trade';

/** A last price without a narrow book is nobody's price any more. */
export const MAX_TRADE_AGE_MS = 900_000;
/** A wider book says of the price what it is not, and little more. */
const SPREAD_BPS_MAX = 100n;
const CROSSED_BPS_MAX = 10n;
const BPS = 10_000n;

export interface Quoted {
  readonly price: Decimal;
  readonly bid?: Decimal;
  readonly ask?: Decimal;
}

/** `tradeAgeMs` is `undefined` where it is not known. */
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
  const isWide = spread * 2n * BPS > SPREAD_BPS_MAX * doubleMiddle;
  if (isWide && isOld) return 'old-trade';
  const held = price < bid ? bid : price > ask ? ask : price;
  return { price: held, halfSpread: atLeastOneBp(held, spread / 2n) };
}

function atLeastOneBp(price: Decimal, half: Decimal): Decimal {
  const least = price / BPS;
  return half < least ? least : half > price ? price : half;
}
