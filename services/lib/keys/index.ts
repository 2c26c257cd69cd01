/**
 * API keys: their text, their tables, their issue, and the look-up that every request begins with.
 *
 * Guarantees: the text of a key is in the memory of processes only, everywhere else stands its SHA-256; a text names one
 * key for good, while a key that rotates has several, each with its own end; an older form of a key never replaces a
 * newer one; a key in use is looked up without I/O; stores that are away never make a valid key unknown; Postgres is
 * asked at most 50 times a second by a process, whatever is sent. Does not: know what policies allow, read or write
 * Secrets, or decide what to do with a key that is revoked or has expired.
 */
export { issueKey, revokeKey, type IssuedKey, type IssueKeyRequest } from './issue-key.ts';
export { createBoundedMap, type BoundedMap } from './bounded-map.ts';
export type { KeyCache, KeyLookup } from './key-cache.ts';
export { keyMigrations } from './key-migrations.ts';
export { findPoliciesWithKeys, type PolicyWithKeys } from './key-statements.ts';
export { createKeyCache, type KeyCacheOptions, type KeyCaches } from './open-key-caches.ts';
export { checkKeyText, createKeyText, hashKeyText, type KeyMode } from './key-text.ts';
export {
  settlePolicyKeys,
  type PolicyKeyEntry,
  type PolicyKeyOutcome,
  type PolicyKeysOptions,
  type SettledKeys,
} from './policy-keys.ts';
