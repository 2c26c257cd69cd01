/** PriceFeed to the document that feeds and price servers read. Pure: the same resource always gives the same document. */
import type { FeedDocument, FeedSource } from '@weir/wire';
import { parseDurationMs } from './duration.ts';
import type { PriceFeed, PriceFeedSpec } from './generated/price-feed.ts';

/** For a resource that has its defaults, as `readResources` and the API server give it. */
export function compilePriceFeed({ metadata, spec }: Pick<PriceFeed, 'metadata' | 'spec'>): FeedDocument {
  const { aggregation, freshness, publish } = spec;
  return {
    feed: `${metadata.namespace}/${metadata.name}`,
    suspend: spec.suspend,
    assets: spec.assets,
    quote: spec.quote,
    sources: spec.sources.map(compileSource),
    aggregation: {
      method: aggregation.method,
      minSources: aggregation.minSources,
      maxDeviationBps: aggregation.maxDeviationBps,
    },
    freshness: {
      freshMs: parseDurationMs(freshness.fresh),
      staleMs: parseDurationMs(freshness.stale),
      deadMs: parseDurationMs(freshness.dead),
    },
    publish: { intervalMs: parseDurationMs(publish.interval), heartbeatMs: parseDurationMs(publish.heartbeat) },
    fallback: { enabled: spec.fallback.enabled },
  };
}

function compileSource(source: PriceFeedSpec['sources'][number]): FeedSource {
  const { name, exchange, url, restUrl, symbols, prewarm, quota } = source;
  return {
    name,
    exchange,
    ...(url !== undefined && { url }),
    ...(restUrl !== undefined && { restUrl }),
    ...(symbols !== undefined && { symbols }),
    ...(prewarm !== undefined && { prewarm: { intervalMs: parseDurationMs(prewarm.interval) } }),
    ...(quota !== undefined && {
      quota: { points: quota.points, durationMs: parseDurationMs(quota.duration), window: quota.window },
    }),
  };
}
