/**
 * UDP sessions: made over HTTP, kept in Valkey for an hour, held in memory by the processes that answer them.
 *
 * The id itself says when the session ends and which text of a key it was made with (see `@weir/udp`), so a datagram costs
 * a look into Valkey only when its id is genuine, has not ended and is not in memory; and an id that Valkey does not have
 * is not looked up again for a while.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@weir/clock';
import { createBoundedMap } from '@weir/keys';
import { createMacKey, type MacKey, type SessionIds } from '@weir/udp';
import type { Valkey } from '@weir/valkey';
import type { UdpMetrics } from './udp-metrics.ts';
import { SESSION_LIFE_MS, type UdpSessionStore } from './udp-session-store.ts';

export interface UdpSession {
  used: boolean;
  readonly keyId: string;
  /** Of the text of the key. */
  readonly sha256: string;
  readonly expiresAtMs: number;
  readonly key: MacKey;
  /** Datagrams of it that wait for something. */
  waiting: number;
}

export interface IssuedSession {
  readonly id: string;
  readonly secret: string;
  readonly expiresAtMs: number;
}

export interface UdpSessions {
  /** Rejects with a WeirError when Valkey does not take it. */
  create(owner: { readonly keyId: string; readonly sha256: string }): Promise<IssuedSession>;
  /** `undefined`: not in memory, which says nothing more. */
  held(id: string): UdpSession | undefined;
  /** From Valkey; `undefined` at once where no look is worth it: forged, ended, looked for before, or too many under way. */
  find(id: string): Promise<UdpSession | undefined> | undefined;
  readonly size: number;
}

export interface UdpSessionsOptions {
  readonly valkey: Pick<Valkey, 'serverTimeMs'>;
  readonly store: UdpSessionStore;
  readonly clock: Clock;
  readonly ids: SessionIds;
  readonly metrics: Pick<UdpMetrics, 'sessionsCreated' | 'sessionReads'>;
}

const SECRET_BYTES = 32;
const SESSIONS_MAX = 100_000;
const ABSENT_MAX = 10_000;
const ABSENT_MS = 5_000;
const READS_MAX = 1_000;

export function createUdpSessions({ valkey, store, clock, ids, metrics }: UdpSessionsOptions): UdpSessions {
  const sessions = createBoundedMap<UdpSession>(SESSIONS_MAX);
  const absent = createBoundedMap<{ used: boolean; readonly untilMs: number }>(ABSENT_MAX);
  const reading = new Map<string, Promise<UdpSession | undefined>>();

  const keep = (id: string, session: Omit<UdpSession, 'used' | 'key' | 'waiting'>, secret: string): UdpSession => {
    const kept: UdpSession = { ...session, used: false, key: createMacKey(secret), waiting: 0 };
    sessions.set(id, kept);
    return kept;
  };

  const read = async (id: string, sha256: string, expiresAtMs: number): Promise<UdpSession | undefined> => {
    metrics.sessionReads.add();
    try {
      const stored = await store.read(id);
      if (stored !== undefined) return keep(id, { keyId: stored.keyId, sha256, expiresAtMs }, stored.secret);
      absent.set(id, { used: false, untilMs: clock.monotonicMs() + ABSENT_MS });
    } catch {
      // Valkey is away, which says nothing of the session.
    }
    return undefined;
  };

  return {
    get size() {
      return sessions.size;
    },
    async create({ keyId, sha256 }) {
      // Whole seconds, as the id has it.
      const expiresAtMs = Math.floor((valkey.serverTimeMs() + SESSION_LIFE_MS) / 1_000) * 1_000;
      const id = ids.seal({ sha256, expiresAtMs });
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      for (const ended of await store.store(id, { keyId, secret })) sessions.delete(ended);
      metrics.sessionsCreated.add();
      keep(id, { keyId, sha256, expiresAtMs }, secret);
      return { id, secret, expiresAtMs };
    },
    held(id) {
      const session = sessions.get(id);
      if (session === undefined) return undefined;
      session.used = true;
      return session;
    },
    find(id) {
      const pending = reading.get(id);
      if (pending !== undefined) return pending;
      const gone = absent.get(id);
      if (gone !== undefined && clock.monotonicMs() < gone.untilMs) return undefined;
      const facts = ids.open(id);
      if (facts === undefined || facts.expiresAtMs <= valkey.serverTimeMs() || reading.size >= READS_MAX)
        return undefined;
      const found = read(id, facts.sha256, facts.expiresAtMs).finally(() => reading.delete(id));
      reading.set(id, found);
      return found;
    },
  };
}
