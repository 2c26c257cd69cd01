/** What a price that a venue told for a request is worth: by the rules by which feeds judge their sources. Pure. */
import type { FetchedPrice } from '@weir/upstream';
import { convertByRate, isPrice, parseDecimal, valueOfQuote, type DollarRate, type SourceValue } from '@weir/wire';

export type FetchedWords = Pick<FetchedPrice, 'price' | 'bid' | 'ask' | 'tradeTime'>;

/** In USDT with a rate, else as it is; `undefined` when there is none. */
export function valueOfFetched(
  { price, bid, ask, tradeTime }: FetchedWords,
  nowMs: number,
  rate?: DollarRate,
): SourceValue | undefined {
  const last = positive(price);
  if (last === undefined) return undefined;
  const [low, high] = [positive(bid), positive(ask)];
  const quoted = { price: last, ...(low !== undefined && { bid: low }), ...(high !== undefined && { ask: high }) };
  const tradedMs = tradeTime === undefined ? Number.NaN : Date.parse(tradeTime);
  const value = valueOfQuote(quoted, Number.isNaN(tradedMs) ? undefined : nowMs - tradedMs);
  if (typeof value === 'string') return undefined;
  if (rate === undefined) return value;
  const converted = { price: convertByRate(value.price, rate), halfSpread: convertByRate(value.halfSpread, rate) };
  return isPrice(converted.price) ? converted : undefined;
}

function positive(text: string | undefined): bigint | undefined {
  const value = text === undefined ? undefined : parseDecimal(text);
  return value === 0n ? undefined : value;
}
