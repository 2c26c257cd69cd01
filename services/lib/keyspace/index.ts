/**
 * The only speller of names in Valkey: every key, channel, and composed hash field or zset member, with its type, life
 * time, writers and readers as data. `docs/keyspace.md` is generated from it.
 *
 * Guarantees: a key that was built from admitted values parses back to them, and no text belongs to two families.
 * `key` does not check its values: the schemas that values come in by (settings, custom resources, requests) do, and
 * tests hold such a schema against `isParameter`. Payloads are the business of `@weir/wire`; nothing here does I/O.
 */
export { type KeyFamily, type Kind, type Party } from './family.ts';
export { keyspace, keyspaceSections, type KeyspaceSection } from './keyspace.ts';
export { isParameter, parameters, type ParameterName } from './parameters.ts';
