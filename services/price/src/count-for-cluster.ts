/** The counters of `cluster:stats` that a price process has. */
import type { ClusterCounters } from '@weir/wire';
import type { PriceMetrics } from './metrics.ts';
import type { UdpMetrics } from './udp-metrics.ts';

export function countForCluster(metrics: PriceMetrics, udp: UdpMetrics): Partial<ClusterCounters> {
  const { answered, refused4xx, refused5xx } = metrics;
  return {
    tcp_requests: answered.value + refused4xx.value + refused5xx.value,
    udp_requests: udp.answered.value + udp.refused4xx.value + udp.refused5xx.value,
    syncmap_hits: metrics.syncmapHits.value,
    elasticache_hits: metrics.elasticacheHits.value,
    // Neither memory nor Valkey had it.
    cache_misses: metrics.cacheMisses.value + metrics.venueReads.value,
    errors_5xx: refused5xx.value + udp.refused5xx.value,
    errors_4xx: refused4xx.value + udp.refused4xx.value,
    rate_limit_hits: metrics.rateLimited.value,
  };
}
