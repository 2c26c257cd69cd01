/** What a source says of a market. */
import { parseDecimal } from '@weir/wire';
import type { SourceQuote } from '../src/connect/connector.ts';

/** The last price in dollars, by its socket and without a book. */
export function quoteOf(
  asset: string,
  price: string,
  confirmedMonotonicMs: number,
  change: Partial<SourceQuote> = {},
): SourceQuote {
  const { quote = 'USD' } = change;
  const symbol = `${asset}-${quote}`;
  return { asset, quote, symbol, price: parseDecimal(price) ?? 0n, confirmedMonotonicMs, via: 'ws', ...change };
}
