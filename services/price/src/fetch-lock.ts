/** What the cluster knows of the fetch of a pair: who is at it, and that nobody need try for a while. */
import { randomBytes } from 'node:crypto';
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import { decodePriceRecord, type PriceRecord } from '@weir/wire';

export interface FetchSight {
  /** What Valkey holds. */
  readonly record: PriceRecord | undefined;
  /** Nobody could say a price a moment ago. */
  readonly isNone: boolean;
  /** Somebody is at it. */
  readonly isLocked: boolean;
}

export interface FetchLock {
  /** Takes the lock if it is free, and looks; `token` is absent when another process has it. Rejects without Valkey. */
  take(pair: string): Promise<FetchSight & { readonly token?: string }>;
  look(pair: string): Promise<FetchSight>;
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

/** One way to the server for all of it, in order: whoever finds the lock free also finds what its last holder wrote. */
export function createFetchLock(client: Pick<ValkeyClient, 'get' | 'call' | 'run'>): FetchLock {
  const { price, fetchLock, fetchNone } = keyspace;
  const see = (json: string | null, none: string | null, lock: unknown): FetchSight => ({
    record: json === null ? undefined : decodePriceRecord(json),
    isNone: none !== null,
    isLocked: lock !== null,
  });
  return {
    async take(pair) {
      const token = randomBytes(12).toString('hex');
      const { ttlSeconds } = fetchLock;
      const [taken, json, none] = await Promise.all([
        client.call('SET', fetchLock.key({ pair }), token, 'NX', 'EX', ttlSeconds),
        client.get(price.key({ pair })),
        client.get(fetchNone.key({ pair })),
      ]);
      const isMine = taken === 'OK';
      return { ...see(json, none, isMine ? null : 'another'), ...(isMine && { token }) };
    },
    async look(pair) {
      const [lock, json, none] = await Promise.all([
        client.get(fetchLock.key({ pair })),
        client.get(price.key({ pair })),
        client.get(fetchNone.key({ pair })),
      ]);
      return see(json, none, lock);
    },
    async release(pair, token) {
      await client.run(releaseLock, [fetchLock.key({ pair })], [token]).catch(() => undefined);
    },
    async markNone(pair, forMs) {
      await client.call('SET', fetchNone.key({ pair }), '1', 'PX', forMs).catch(() => undefined);
    },
  };
}
