/** Where a key is read from when memory does not know it: Valkey, then Postgres, which also fills Valkey. */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Postgres } from '@weir/postgres';
import type { Logger } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { decodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';
import { findKeysByHash } from './key-statements.ts';
import { createLookupRate } from './lookup-rate.ts';
import { storeKey } from './store-key.ts';

/** Postgres look-ups of one process in any second; a flood of invented keys must not become its load. */
const POSTGRES_LOOKUPS_PER_SECOND = 50;

/** A request waits for Postgres no longer, though the statement itself may go on. */
const POSTGRES_WAIT_MS = 1_000;

/** The one shard of a Valkey without Cluster. */
const COMPLETE_KEY = keyspace.apiKeysComplete.key({ tag: '0' });

export type CachedKey =
  | { readonly kind: 'found'; readonly record: ApiKeyRecord }
  /** There is no such key: Valkey holds every key now and not this one. */
  | { readonly kind: 'absent' }
  /** Valkey answers and does not know; Postgres may. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreachable' };

export interface KeySourcesOptions {
  readonly valkey: Pick<Valkey, 'decide' | 'bulk'>;
  readonly postgres: Postgres | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KeySources {
  readCached(sha256: string): Promise<CachedKey>;
  /** Whether Valkey holds the key; rejects when it does not answer. */
  isCached(sha256: string): Promise<boolean>;
  /**
   * The records of those hashes that name a key, in one look-up; `undefined` when Postgres cannot be asked now, whether
   * for a fault, for the rate, or because there is none. With `fill` they are written to Valkey, and where that has a
   * newer version already, that one is returned.
   */
  readStored(hashes: readonly string[], fill: boolean): Promise<ReadonlyMap<string, ApiKeyRecord> | undefined>;
}

export function createKeySources(options: KeySourcesOptions): KeySources {
  const { valkey, postgres, clock, logger } = options;
  const rate = createLookupRate(POSTGRES_LOOKUPS_PER_SECOND);

  const readCached = async (sha256: string): Promise<CachedKey> => {
    try {
      const record = decodeApiKeyRecord(await valkey.decide.hgetall(keyspace.apiKey.key({ sha256 })));
      if (record !== undefined) return { kind: 'found', record };
      // Asked after the miss: a loss of data in between takes the flag away too, the other way round it would not.
      const complete = await valkey.decide.get(COMPLETE_KEY);
      return { kind: complete === null ? 'missing' : 'absent' };
    } catch {
      return { kind: 'unreachable' };
    }
  };

  const fillOne = async (sha256: string, record: ApiKeyRecord): Promise<ApiKeyRecord> => {
    try {
      if (await storeKey(valkey.bulk, sha256, record)) return record;
      const newer = await readCached(sha256);
      return newer.kind === 'found' ? newer.record : record;
    } catch (err) {
      logger.debug({ err }, 'a key could not be written to Valkey');
      return record;
    }
  };

  return {
    readCached,
    isCached: async (sha256) => (await valkey.bulk.call('EXISTS', keyspace.apiKey.key({ sha256 }))) === 1,
    async readStored(hashes, fill) {
      if (postgres === undefined || !rate.take(clock.monotonicMs())) return undefined;
      try {
        const records = await within(clock, POSTGRES_WAIT_MS, findKeysByHash(postgres, hashes));
        if (!fill) return records;
        const filled = [...records].map(async ([sha256, record]) => [sha256, await fillOne(sha256, record)] as const);
        return new Map(await Promise.all(filled));
      } catch (err) {
        logger.debug({ err, count: hashes.length }, 'keys could not be read from Postgres');
        return undefined;
      }
    },
  };
}

async function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(clock, limitMs, done.signal).then(() => {
    throw new Error(`no answer within ${limitMs} ms`);
  });
  // Whichever loses the race may still fail.
  late.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
