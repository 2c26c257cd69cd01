/** Splitting of a venue's symbol into asset and quote. */

export interface MarketName {
  readonly symbol: string;
  readonly asset: string;
  readonly quote: string;
}

const CODE = /^[A-Za-z0-9.]{1,20}$/;

/** "BTC-USD" with separator "-" is BTC in USD; `undefined` when it is not two codes. */
export function splitSymbol(symbol: unknown, separator: '-' | '/'): MarketName | undefined {
  if (typeof symbol !== 'string') return undefined;
  const at = symbol.indexOf(separator);
  const asset = symbol.slice(0, Math.max(at, 0));
  const quote = symbol.slice(at + 1);
  if (!CODE.test(asset) || !CODE.test(quote)) return undefined;
  return { symbol, asset: asset.toUpperCase(), quote: quote.toUpperCase() };
}
