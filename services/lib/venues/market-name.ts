/** Splitting of a venue's symbol into asset and quote. */

export interface MarketName {
  readonly symbol: string;
  readonly asset: string;
  readonly quote: string;
}

const CODE = /^[A-Za-z0-9.]{1,20}$/;

/** "BTC-USD" with separator "-" is BTC in USD; `undefined` when it is not two codes. */
export function splitSymbol(symbol: unknown, separator: '-' | '/' | '_'): MarketName | undefined {
  if (typeof symbol !== 'string') return undefined;
  const at = symbol.indexOf(separator);
  const asset = symbol.slice(0, Math.max(at, 0));
  const quote = symbol.slice(at + 1);
  if (!CODE.test(asset) || !CODE.test(quote)) return undefined;
  return { symbol, asset: asset.toUpperCase(), quote: quote.toUpperCase() };
}

/**
 * "BTCUSDT" with the quotes a venue has: the longest that it ends with. `undefined` when it is no code; a symbol that
 * ends with none of them is a market all the same, whose asset is all that is known.
 */
export function splitJoinedSymbol(symbol: unknown, quotes: readonly string[]): MarketName | undefined {
  if (typeof symbol !== 'string' || !CODE.test(symbol)) return undefined;
  const name = symbol.toUpperCase();
  let quote = '';
  for (const candidate of quotes) {
    if (candidate.length > quote.length && candidate.length < name.length && name.endsWith(candidate))
      quote = candidate;
  }
  return { symbol, asset: name.slice(0, name.length - quote.length), quote };
}
