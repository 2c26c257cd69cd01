/** What a source of a feed says of its venue: which protocol, how often it may be asked, what a market is traded in. Pure. */
import type { QuotaSource } from '@weir/limiter';
import { findVenue, type Settlement, type Venue } from '@weir/venues';

export interface VenueSource extends QuotaSource {
  readonly url?: string;
}

/** At an address of a protocol of its own, a venue is spoken to in that. */
export function venueOfSource({ exchange, url }: Pick<VenueSource, 'exchange' | 'url'>): Venue | undefined {
  const venue = findVenue(exchange);
  return url === undefined ? venue : (venue?.at?.(url) ?? venue);
}

/** What the operator says that the venue allows, else what the venue itself says. */
export function quotaOfSource(source: VenueSource): QuotaSource {
  const own = venueOfSource(source)?.rest.quota;
  const quota = source.quota ?? (own && ({ ...own, window: 'Smooth' } as const));
  return { exchange: source.exchange, ...(quota !== undefined && { quota }) };
}

/** In dollars, a venue of USDT markets is asked for those; the price of USDT itself can only be one in dollars. */
export function quoteAt(
  settlement: Settlement,
  { asset, quote }: { readonly asset: string; readonly quote: string },
): string {
  return quote === 'USD' && settlement === 'USDT' && asset !== 'USDT' ? 'USDT' : quote;
}
