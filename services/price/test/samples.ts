/** Documents and records for tests, each with what the test at hand is about changed. */
import type { FeedDocument, PolicyDocument, PriceRecord } from '@weir/wire';

export function priceRecord(changes: Partial<PriceRecord> = {}): PriceRecord {
  return {
    asset: 'BTC',
    quote: 'USD',
    priceText: '84737.58',
    confirmedAtMs: Date.UTC(2026, 10, 20),
    source: 'median',
    sources: ['coinbase-ws', 'kraken-ws'],
    latencyMs: 12,
    confidenceText: '4.21',
    seq: Date.UTC(2026, 10, 20) * 1_000,
    ...changes,
  };
}

export function feedDocument(changes: Partial<FeedDocument> = {}): FeedDocument {
  return {
    feed: 'weir/majors',
    suspend: false,
    assets: ['BTC'],
    quote: 'USD',
    sources: [{ name: 'coinbase', exchange: 'coinbase' }],
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    // Tests of fetching name their own venues: none may ask a real one.
    fallback: { enabled: false },
    ...changes,
  };
}

export function policyDocument(changes: Partial<PolicyDocument> = {}): PolicyDocument {
  return {
    policy: 'weir/pro',
    suspend: false,
    mode: 'Enforce',
    tier: 'pro',
    limits: { requestsPerSecond: 10, burst: 20 },
    budget: {},
    costs: { priceMicro: 100, reportMicro: 10_000 },
    access: { protocols: ['http', 'udp', 'sse'], allowStale: true, onDemandAssets: false },
    onValkeyFailure: 'LocalLimit',
    keys: [],
    ...changes,
  };
}
