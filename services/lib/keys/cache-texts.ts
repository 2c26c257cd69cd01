/** Brings what Postgres says of keys into Valkey, under every text by which they can be asked for. */
import { keyspace } from '@weir/keyspace';
import type { ValkeyClient } from '@weir/valkey';
import type { KeyText } from './key-statements.ts';
import { storeKey } from './store-key.ts';

/** Rejects when Valkey does not answer: what it may hold of a changed key would count for a day. */
export async function cacheTexts(client: ValkeyClient, texts: readonly KeyText[]): Promise<void> {
  await Promise.all(texts.map(({ sha256, record }) => storeKey(client, sha256, record)));
}

/**
 * Puts right what Valkey holds in an older form, as after a crash between the two stores, and writes nothing else: a key
 * that Valkey does not hold is read from Postgres when it is asked for. How many were written.
 */
export async function refreshCachedTexts(
  client: ValkeyClient,
  texts: readonly KeyText[],
  beforeWrite: () => void,
): Promise<number> {
  const held = await Promise.all(
    texts.map(async (text) => ({
      text,
      version: await client.call('HGET', keyspace.apiKey.key({ sha256: text.sha256 }), 'version'),
    })),
  );
  const outdated = held.filter(({ text, version }) => version !== null && Number(version) < text.record.version);
  if (outdated.length === 0) return 0;
  beforeWrite();
  await cacheTexts(
    client,
    outdated.map(({ text }) => text),
  );
  return outdated.length;
}
