import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLUSTER_COUNTERS, decodeClusterStats, encodeClusterStats, type ClusterStats } from './index.ts';

const example: ClusterStats = {
  node: 'price-0',
  role: 'price',
  start_id: '00ff',
  applied_policies_seq: 1_795_166_698_000,
  uptime_seconds: 12,
  total_rps: 3,
  tcp_requests: 1,
  udp_requests: 2,
  lrs_requests: 3,
  syncmap_hits: 4,
  elasticache_hits: 5,
  cache_misses: 6,
  errors_5xx: 7,
  errors_4xx: 8,
  rate_limit_hits: 9,
  bg_work_dropped: 10,
};

test('what was written is read, with and without policies', () => {
  const { applied_policies_seq: _, ...withoutPolicies } = example;
  expect(decodeClusterStats(encodeClusterStats(example))).toEqual(example);
  expect(decodeClusterStats(encodeClusterStats(withoutPolicies))).toEqual(withoutPolicies);
});

test('an older or newer process may count less or more', () => {
  const json = '{"node":"a","role":"feed","start_id":"1","uptime_seconds":4,"errors_4xx":"many","new_requests":1}';
  const zero = Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, 0]));
  expect(decodeClusterStats(json)).toEqual({
    node: 'a',
    role: 'feed',
    start_id: '1',
    uptime_seconds: 4,
    total_rps: 0,
    ...zero,
  });
});

test('what is no statistics is undefined and never an error', () => {
  const texts = [
    '',
    'x',
    'null',
    '7',
    '[]',
    '{}',
    '{"node":"a","role":"price"}',
    '{"node":1,"role":"b","start_id":"c"}',
  ];
  for (const text of texts) expect(decodeClusterStats(text)).toBeUndefined();
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void decodeClusterStats(text)));
});
