/** The document of a small feed, as the compiler of custom resources writes it. */
import type { FeedDocument, FeedSource } from '@weir/wire';

/** Where nobody listens: a test that means no exchange reaches none. */
export const NOWHERE = 'http://127.0.0.1:9';

/** The source, of simulated exchanges. */
export function addressed(
  source: FeedSource,
  addresses: Readonly<Record<string, { readonly ws: string; readonly rest: string }>>,
): FeedSource {
  const address = addresses[source.exchange];
  return { ...source, url: address?.ws ?? 'ws://127.0.0.1:9', restUrl: address?.rest ?? NOWHERE };
}

export function documentWith(change: Partial<FeedDocument> = {}): FeedDocument {
  return {
    feed: 'weir/majors',
    suspend: false,
    assets: ['BTC', 'ETH'],
    quote: 'USD',
    sources: [
      { name: 'coinbase', exchange: 'coinbase', restUrl: NOWHERE },
      { name: 'kraken', exchange: 'kraken', restUrl: NOWHERE },
    ],
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    fallback: { enabled: true },
    ...change,
  };
}
