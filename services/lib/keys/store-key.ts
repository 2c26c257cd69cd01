/** The versioned write to `apikey:<sha256>`: whoever writes late cannot bring an older form of a key back. */
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import { encodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';

const TTL_MS = keyspace.apiKey.ttlSeconds * 1_000;

/**
 * KEYS[1] apikey:<sha256>
 * ARGV    version, life time in ms, then name and text of every field
 * Returns 1 when written, 0 when the stored version is newer. O(fields), which are 19.
 * An equal version is written again: the fields which the ledger refreshes change without a new version.
 */
const storeKeyScript = defineScript(
  'store-key',
  `local stored = tonumber(redis.call('HGET', KEYS[1], 'version'))
if stored and stored > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`,
  1,
);

/** Writes every field of a key under one of its hashes; false when Valkey holds a newer version already. */
export async function storeKey(client: ValkeyClient, sha256: string, record: ApiKeyRecord): Promise<boolean> {
  const fields = Object.entries(encodeApiKeyRecord(record)).flat();
  const written = await client.run(
    storeKeyScript,
    [keyspace.apiKey.key({ sha256 })],
    [record.version, TTL_MS, ...fields],
  );
  return written === 1;
}
