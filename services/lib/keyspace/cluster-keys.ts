/** The processes themselves: who is alive, what they count, whether a shard has kept its data. */
import { defineFamily } from './family.ts';

export const clusterKeys = {
  clusterStats: defineFamily('key', 'cluster:stats:<node>', {
    type: 'string JSON',
    ttl: '30 s, written every 3 s',
    ttlSeconds: 30,
    writers: ['all'],
    readers: ['console', 'operator'],
    notes: 'counters, applied policies seq, start id',
  }),
  clusterNodes: defineFamily('key', 'cluster:nodes', {
    type: 'zset `<role>:<node>` by heartbeat',
    ttl: 'none',
    writers: ['all'],
    readers: ['all'],
    notes: 'N̂ = members with role price, limiter, gateway or report; the last known value counts while Valkey is away',
  }),
  clusterNodeMember: defineFamily('member', '<role>:<node>', {
    type: 'member of `cluster:nodes`',
    ttl: '–',
    writers: ['all'],
    readers: ['all'],
    notes: 'score: instant of the heartbeat, ms',
  }),
  clusterDaily: defineFamily('key', 'kcc:daily', {
    type: 'string JSON',
    ttl: '24 h',
    ttlSeconds: 86_400,
    writers: ['console'],
    readers: ['console'],
    notes: 'daily infrastructure snapshot',
  }),
  epoch: defineFamily('key', 'weir:epoch:{<tag>}', {
    type: 'string',
    ttl: 'none',
    writers: ['sync'],
    readers: ['sync'],
    notes: 'one per shard; missing = that shard lost its data: owners rebuild',
  }),
  receiptSession: defineFamily('key', 'receipt:session:<session_id>', {
    type: 'string',
    ttl: '1 h',
    ttlSeconds: 3_600,
    writers: ['webhook'],
    readers: ['webhook'],
    notes: 'fast front of the Postgres inbox, never the proof',
  }),
  webhookEvent: defineFamily('key', 'webhook:event:<event_id>', {
    type: 'string',
    ttl: '24 h',
    ttlSeconds: 86_400,
    writers: ['webhook'],
    readers: ['webhook'],
    notes: 'fast front of the Postgres inbox, never the proof',
  }),
} as const;
