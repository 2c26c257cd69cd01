/** The document of a small feed, as the compiler of custom resources writes it. */
import type { FeedDocument } from '@weir/wire';

export function documentWith(change: Partial<FeedDocument> = {}): FeedDocument {
  return {
    feed: 'weir/majors',
    suspend: false,
    assets: ['BTC', 'ETH'],
    quote: 'USD',
    sources: [
      { name: 'coinbase', exchange: 'coinbase' },
      { name: 'kraken', exchange: 'kraken' },
    ],
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    fallback: { enabled: true },
    ...change,
  };
}
