/** Which markets a venue lists for the pairs of a simulation: in dollars, in USDT, or both. Pure. */
import { demoPair } from './demo-pairs.ts';
import type { DollarQuote } from './protocol.ts';

export interface ListedPair {
  readonly asset: string;
  readonly quote: string;
  /** Start of the walk; its digits after the point are the tick size. Absent: listed, but nothing has traded yet. */
  readonly price?: string;
}

/** A market of one venue. */
export interface Listing {
  readonly asset: string;
  readonly quote: string;
  /** Whose fair price it follows, by place in the list of pairs. */
  readonly pair: number;
  /** It follows that price divided by the rate of USDT in USD. */
  readonly isConverted: boolean;
}

export const TETHER = 'USDT';
export const DOLLAR = 'USD';

/**
 * The pairs whose fair prices walk. Where a venue quotes in USDT, its rate in dollars is one of them, so that the venues
 * in dollars list it and whoever converts finds it.
 */
export function fairPairs(
  pairs: readonly ListedPair[],
  venues: readonly { readonly dollarQuotes: readonly DollarQuote[] }[],
): readonly ListedPair[] {
  const isListed = pairs.some(({ asset, quote }) => asset === TETHER && quote === DOLLAR);
  const isNeeded = pairs.some(({ quote }) => quote === DOLLAR) && venues.some((venue) => hasTether(venue.dollarQuotes));
  return isListed || !isNeeded ? pairs : [...pairs, demoPair(TETHER, DOLLAR)];
}

/** What the venue lists, each market once. */
export function listMarkets(pairs: readonly ListedPair[], dollarQuotes: readonly DollarQuote[]): Listing[] {
  const inDollars = new Map(pairs.map(({ asset, quote }, index) => [quote === DOLLAR ? asset : '', index]));
  const isConvertible = inDollars.has(TETHER);
  const listings = new Map<string, Listing>();
  const list = (listing: Listing): void => {
    const name = `${listing.asset}-${listing.quote}`;
    if (!listings.has(name)) listings.set(name, listing);
  };
  for (const [index, { asset, quote }] of pairs.entries()) {
    if (quote === DOLLAR) {
      for (const own of dollarQuotes) {
        if (own === DOLLAR) list({ asset, quote, pair: index, isConverted: false });
        else if (asset !== TETHER) list({ asset, quote: own, pair: index, isConverted: true });
      }
      continue;
    }
    // The same asset in dollars walks already: in USDT it must cost as much.
    const dollars = quote === TETHER && isConvertible ? inDollars.get(asset) : undefined;
    list({ asset, quote, pair: dollars ?? index, isConverted: dollars !== undefined });
  }
  return [...listings.values()];
}

function hasTether(dollarQuotes: readonly DollarQuote[]): boolean {
  return dollarQuotes.includes(TETHER);
}
