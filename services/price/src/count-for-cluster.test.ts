import { createTestTelemetry } from '@weir/testing';
import { expect, test } from 'vitest';
import { countForCluster } from './count-for-cluster.ts';
import { createPriceMetrics } from './metrics.ts';
import { createUdpMetrics } from './udp-metrics.ts';

test('every answer counts as a request, refusals by their class, reads by their tier', () => {
  const metrics = createPriceMetrics(createTestTelemetry());
  const udp = createUdpMetrics(createTestTelemetry());
  udp.answered.add(20);
  udp.refused4xx.add(10);
  udp.refused5xx.add(30);
  metrics.answered.add(6);
  metrics.refused4xx.add(2);
  metrics.rateLimited.add();
  metrics.refused5xx.add();
  metrics.syncmapHits.add(5);
  metrics.elasticacheHits.add(4);
  metrics.cacheMisses.add(2);
  metrics.venueReads.add(1);
  expect(countForCluster(metrics, udp)).toEqual({
    tcp_requests: 9,
    udp_requests: 60,
    errors_4xx: 12,
    errors_5xx: 31,
    rate_limit_hits: 1,
    syncmap_hits: 5,
    elasticache_hits: 4,
    cache_misses: 3,
  });
});
