/** The one way in which a price record gets to `price:<pair>`, whoever made it: a stored one is never replaced by an older one. */
import { defineScript, type ValkeyScript } from './script.ts';

/**
 * KEYS[1] price:<pair>. ARGV[1] record, ARGV[2] its seq, ARGV[3] time to live in ms; ARGV[4], where given, an instant in ISO
 * 8601: a stored record that was confirmed then or later stays, whatever its seq.
 * Returns 0 when the record is stored, -1 when the stored one is alive, else the stored seq, which is not smaller.
 * O(length of the record).
 *
 * Members are read by pattern, not by a JSON parser: inside a JSON text a quote is escaped, so `"seq":` can only be the
 * member. Texts of one form compare as their instants do. A stored text without a seq is no record and is replaced.
 */
export const storeNewerRecord: ValkeyScript = defineScript(
  'store-newer-record',
  `local stored = redis.call('GET', KEYS[1])
if stored then
  local seq = tonumber(string.match(stored, '"seq":(%d+)') or '')
  local confirmed = ARGV[4] and string.match(stored, '"timestamp":"([^"]+)"')
  if seq and confirmed and confirmed >= ARGV[4] then return -1 end
  if seq and seq >= tonumber(ARGV[2]) then return seq end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 0`,
  1,
);
