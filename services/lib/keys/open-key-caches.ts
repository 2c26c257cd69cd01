/**
 * The look-up of keys by their texts, and the same by hash for whoever was told a text's hash and not the text itself.
 *
 * Two caches over the same sources: in one, somebody could send the hash of a key in its place.
 */
import type { Clock } from '@weir/clock';
import type { Telemetry } from '@weir/telemetry';
import { LayeredKeyCache, type KeyCache, type KeyLookup, type KeyNames } from './key-cache.ts';
import { createKeyCounters } from './key-counters.ts';
import { createKeySources, type KeySourcesOptions } from './key-sources.ts';
import { checkKeyText, hashKeyText } from './key-text.ts';

export interface KeyCaches extends KeyCache {
  /** As `lookup`, by the lower-case hex of the SHA-256 of a key's text. Never for what a caller has sent. */
  lookupHash(sha256: string): KeyLookup | Promise<KeyLookup>;
}

export interface KeyCacheOptions extends KeySourcesOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const BY_TEXT: KeyNames = { isName: checkKeyText, sha256Of: hashKeyText };
const HASH_FORM = /^[0-9a-f]{64}$/;
const BY_HASH: KeyNames = { isName: (hash) => HASH_FORM.test(hash), sha256Of: (hash) => hash };

export function createKeyCache(options: KeyCacheOptions): KeyCaches {
  const { clock, telemetry } = options;
  const shared = { clock, sources: createKeySources(options), count: createKeyCounters(telemetry) };
  const texts = new LayeredKeyCache({ ...shared, names: BY_TEXT });
  const hashes = new LayeredKeyCache({ ...shared, names: BY_HASH });
  const description = 'API keys in memory';
  telemetry.gauge('weir.keys.cached', { description, unit: '{key}' }, () => texts.size + hashes.size);
  return {
    lookup: (text) => texts.lookup(text),
    lookupHash: (sha256) => hashes.lookup(sha256),
    close() {
      texts.close();
      hashes.close();
    },
  };
}
