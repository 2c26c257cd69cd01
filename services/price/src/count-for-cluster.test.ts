import { createTestTelemetry } from '@weir/testing';
import { expect, test } from 'vitest';
import { countForCluster } from './count-for-cluster.ts';
import { createPriceMetrics } from './metrics.ts';

test('every answer counts as a request, refusals by their class, reads by their tier', () => {
  const metrics = createPriceMetrics(createTestTelemetry());
  metrics.answered.add(6);
  metrics.refused4xx.add(2);
  metrics.rateLimited.add();
  metrics.refused5xx.add();
  metrics.syncmapHits.add(5);
  metrics.elasticacheHits.add(4);
  metrics.cacheMisses.add(3);
  expect(countForCluster(metrics)).toEqual({
    tcp_requests: 9,
    errors_4xx: 2,
    errors_5xx: 1,
    rate_limit_hits: 1,
    syncmap_hits: 5,
    elasticache_hits: 4,
    cache_misses: 3,
  });
});
