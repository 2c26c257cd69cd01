/** What a price that a venue told for a request is worth: the last trade's, held within the book. Pure. */
import { formatDecimal, parseDecimal } from '@weir/wire';
import type { FetchedPrice } from '@weir/upstream';

/** A trade may be old, a narrow book is not; a wider one says little about the price. */
const SPREAD_BPS_MAX = 100n;
const BPS = 10_000n;

/** Exact decimal; `undefined` when there is none. */
export function valueOfFetched({ price, bid, ask }: Pick<FetchedPrice, 'price' | 'bid' | 'ask'>): string | undefined {
  const last = parseDecimal(price);
  if (last === undefined || last === 0n) return undefined;
  const low = bid === undefined ? undefined : parseDecimal(bid);
  const high = ask === undefined ? undefined : parseDecimal(ask);
  if (low === undefined || high === undefined || low === 0n || low > high) return formatDecimal(last);
  const isNarrow = (high - low) * 2n * BPS <= SPREAD_BPS_MAX * (low + high);
  if (!isNarrow) return formatDecimal(last);
  return formatDecimal(last < low ? low : last > high ? high : last);
}
