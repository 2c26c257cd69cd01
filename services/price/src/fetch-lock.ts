/** What the cluster knows of the fetch of a pair: its price, who is at it, and that nobody need try for a while. */
import { randomBytes } from 'node:crypto';
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import { decodePriceRecord, type PriceRecord } from '@weir/wire';

export interface FetchSight {
  /** What Valkey holds. */
  readonly record: PriceRecord | undefined;
  /** Nobody could say a price a moment ago. */
  readonly isNone: boolean;
}

export interface FetchLock {
  /** Rejects without Valkey. */
  look(pair: string): Promise<FetchSight>;
  /** Takes the lock if it is free, and reads what its last holder wrote; `token` is absent when another process has it. */
  take(pair: string): Promise<Pick<FetchSight, 'record'> & { readonly token?: string }>;
  /** Of one's own lock alone. Never rejects: it ends by itself. */
  release(pair: string, token: string): Promise<void>;
  /** For so long nobody asks a venue. Never rejects. */
  markNone(pair: string, forMs: number): Promise<void>;
}

/** KEYS[1] fetch:lock:<pair>. ARGV[1] token of its holder. Returns 1 when the lock was its. O(1). */
const releaseLock = defineScript(
  'release-fetch-lock',
  `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`,
  1,
);

/**
 * One way to the server for all of it, in order: whoever finds the lock free also finds what its last holder wrote. Not the
 * way of decisions: a feed that dies must not make limits late.
 */
export function createFetchLock(client: Pick<ValkeyClient, 'get' | 'call' | 'run'>): FetchLock {
  const { price, fetchLock, fetchNone } = keyspace;
  const read = (json: string | null): PriceRecord | undefined => (json === null ? undefined : decodePriceRecord(json));
  return {
    async look(pair) {
      const [json, none] = await Promise.all([client.get(price.key({ pair })), client.get(fetchNone.key({ pair }))]);
      return { record: read(json), isNone: none !== null };
    },
    async take(pair) {
      const token = randomBytes(12).toString('hex');
      const { ttlSeconds } = fetchLock;
      const [taken, json] = await Promise.all([
        client.call('SET', fetchLock.key({ pair }), token, 'NX', 'EX', ttlSeconds),
        client.get(price.key({ pair })),
      ]);
      return { record: read(json), ...(taken === 'OK' && { token }) };
    },
    async release(pair, token) {
      await client.run(releaseLock, [fetchLock.key({ pair })], [token]).catch(() => undefined);
    },
    async markNone(pair, forMs) {
      await client.call('SET', fetchNone.key({ pair }), '1', 'PX', forMs).catch(() => undefined);
    },
  };
}
