/** API keys by the hash of their text, and how their changes travel. */
import { defineFamily } from './family.ts';

export const apiKeyKeys = {
  apiKey: defineFamily('key', 'apikey:<sha256>', {
    type: 'hash: key record',
    ttl: '24 h',
    ttlSeconds: 86_400,
    writers: ['operator', 'standalone', 'sync', 'price'],
    readers: ['all'],
    notes:
      'written on a miss too; versioned write; several hashes may name one key_id (rotation), each with the end of its own text',
  }),
  apiKeysComplete: defineFamily('key', 'apikeys:complete:{<tag>}', {
    type: 'string epoch',
    ttl: '30 s, renewed every 10 s',
    ttlSeconds: 30,
    writers: ['sync'],
    readers: ['all'],
    notes:
      'renewed only while the outbox of `sync` is drained and that shard’s epoch holds: a miss is then final; absent: Postgres',
  }),
  apiKeyUpdates: defineFamily('channel', 'apikey:updates', {
    type: 'pub/sub',
    ttl: '–',
    writers: ['sync'],
    readers: ['all'],
    notes: 'from a Postgres outbox; 500 ms heartbeat with counter; a gap or resubscribe drops L1',
  }),
  seenKey: defineFamily('key', 'seen:key:<key_id>', {
    type: 'string',
    ttl: '60 s, SET NX EX',
    ttlSeconds: 60,
    writers: ['price', 'gateway'],
    readers: ['price', 'gateway'],
    notes: 'throttles `last_used_at`',
  }),
  seenProject: defineFamily('key', 'seen:project:<project_id>', {
    type: 'string',
    ttl: '60 s, SET NX EX',
    ttlSeconds: 60,
    writers: ['price', 'gateway'],
    readers: ['price', 'gateway'],
    notes: 'throttles `last_activity_at`',
  }),
} as const;
