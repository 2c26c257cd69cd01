/** What becomes of the record in memory when a store tells another: a version never goes back, whoever is behind. */
import type { ApiKeyRecord } from '@weir/wire';

/**
 * `undefined` when the told record is older, which confirms nothing. Whoever derives something from a record keeps it by
 * identity, so an unchanged one stays the same object; figures of use change without a new version.
 */
export function newerRecord(held: ApiKeyRecord, told: ApiKeyRecord): ApiKeyRecord | undefined {
  if (told.version > held.version) return told;
  if (told.version < held.version) return undefined;
  const { currentUsage, lastUsedMs, lastSuccessMs } = told;
  if (currentUsage === held.currentUsage && lastUsedMs === held.lastUsedMs && lastSuccessMs === held.lastSuccessMs)
    return held;
  return told;
}
