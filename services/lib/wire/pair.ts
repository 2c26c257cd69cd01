/** Names of what is priced: an asset in a quote currency. USD is the default quote and is left out of texts. */

export interface Pair {
  /** Upper-case asset code, e.g. "BTC". */
  readonly asset: string;
  /** Upper-case quote code, e.g. "USD". */
  readonly quote: string;
}

export const DEFAULT_QUOTE = 'USD';

const PAIR_TEXT = /^([A-Z0-9]{1,15})(?:-([A-Z0-9]{1,15}))?$/;

/** "BTC" is BTC in USD, "BTC-EUR" is BTC in EUR; `undefined` for anything else (lower case included). */
export function parsePair(text: string): Pair | undefined {
  const [, asset, quote = DEFAULT_QUOTE] = PAIR_TEXT.exec(text) ?? [];
  return asset === undefined ? undefined : { asset, quote };
}

/** The one spelling of a pair, used in keys, channels and queries: "BTC" for USD, else "BTC-EUR". */
export function formatPair(pair: Pair): string {
  return pair.quote === DEFAULT_QUOTE ? pair.asset : `${pair.asset}-${pair.quote}`;
}
