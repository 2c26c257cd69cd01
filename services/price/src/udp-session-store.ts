/**
 * UDP sessions in Valkey: `udp:session:<id>` for an hour, and which of them are a key's own, so that no key fills Valkey with them.
 *
 * A key has so many at most; with one more, its oldest ends. Not one step: with Cluster the two kinds of keys lie in different
 * slots. A session is registered before it is stored, so that none is ever stored that nobody counts.
 */
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyClient } from '@weir/valkey';

export interface StoredSession {
  readonly keyId: string;
  readonly secret: string;
}

export interface UdpSessionStore {
  /** Resolves to the ids of those that ended for it. Rejects with a WeirError when Valkey does not take it. */
  store(id: string, session: StoredSession): Promise<readonly string[]>;
  /** `undefined`: Valkey has no such session. Rejects when it does not answer. */
  read(id: string): Promise<StoredSession | undefined>;
}

/** Any number of clients may share one: a fleet need not have one each. */
const KEY_SESSIONS_MAX = 100;
const { ttlSeconds } = keyspace.udpSession;
export const SESSION_LIFE_MS = ttlSeconds * 1_000;

const registerSession = defineScript(
  'price-register-udp-session',
  `
-- Notes a UDP session as one of its key, and takes out the oldest when there are too many.
--
-- KEYS[1] udp:sessions:{<key_id>}, a zset: session by the instant it ends (ms, server time)
-- ARGV    1 session  2 how many there may be  3 life of a session (ms)
-- Returns the sessions that were taken out
-- Complexity O(log n + sessions that have ended or were taken out)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[2]
if over <= 0 then return {} end
local oldest = redis.call('ZRANGE', KEYS[1], 0, over - 1)
for _, session in ipairs(oldest) do redis.call('ZREM', KEYS[1], session) end
return oldest`,
  1,
);

const storeSession = defineScript(
  'price-store-udp-session',
  `
-- Stores a UDP session with its end, in one step: one that never ended would stay for good.
--
-- KEYS[1] udp:session:<id>  ARGV 1 key_id  2 secret  3 life (ms)
-- Returns 1. Complexity O(1)
redis.call('HSET', KEYS[1], 'key_id', ARGV[1], 'secret', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
  1,
);

export function createUdpSessionStore(valkey: Pick<ValkeyClient, 'hgetall' | 'run' | 'call'>): UdpSessionStore {
  const nameOf = (id: string): string => keyspace.udpSession.key({ session_id: id });
  return {
    async store(id, { keyId, secret }) {
      const ownKey = keyspace.udpSessions.key({ key_id: keyId });
      const reply = await valkey.run(registerSession, [ownKey], [id, KEY_SESSIONS_MAX, SESSION_LIFE_MS]);
      const ended = Array.isArray(reply) ? reply.map(String) : [];
      // What does not arrive ends by itself.
      for (const each of ended) valkey.call('DEL', nameOf(each)).catch(() => undefined);
      await valkey.run(storeSession, [nameOf(id)], [keyId, secret, SESSION_LIFE_MS]);
      return ended;
    },
    async read(id) {
      const { key_id: keyId, secret } = await valkey.hgetall(nameOf(id));
      return keyId !== undefined && isSecret(secret) ? { keyId, secret } : undefined;
    },
  };
}

/** A MAC takes no longer one; what somebody else wrote there is no secret. */
function isSecret(text: string | undefined): text is string {
  return text !== undefined && text.length >= 16 && text.length <= 64;
}
