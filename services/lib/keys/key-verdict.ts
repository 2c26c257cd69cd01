/** Whether a key that is known may be used now. */
import type { ApiKeyRecord } from '@weir/wire';

export type KeyVerdict = 'valid' | 'revoked' | 'expired';

/** `nowMs` is Valkey server time, so that a key expires everywhere at one instant. */
export function keyVerdict(record: ApiKeyRecord, nowMs: number): KeyVerdict {
  if (record.revoked) return 'revoked';
  return record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs ? 'expired' : 'valid';
}
