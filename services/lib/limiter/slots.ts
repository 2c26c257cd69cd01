/**
 * Concurrency slots: how many streams a key may hold open at once, over all processes.
 *
 * A slot is a member of `slots:{<key_id>}` with the instant at which it ends. Whoever holds one renews it well before that,
 * so what a dead process held is free again after `SLOT_MS`. Taking, renewing and giving back are each one atomic step on
 * server time. Data that Valkey has lost is put back by the renewals, as far as there is room.
 */
import { isWeirError } from '@weir/errors';
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import type { OnValkeyFailure } from '@weir/wire';

export interface SlotRequest {
  readonly keyId: string;
  /** How many there are for the key. */
  readonly limit: number;
  readonly onValkeyFailure: OnValkeyFailure;
  /** Take one whether there is room or not. */
  readonly dryRun: boolean;
}

export interface SlotRefusal {
  readonly kind: 'refused';
  /** `unavailable`: Valkey did not answer and the policy says Deny. */
  readonly limit: 'concurrency' | 'unavailable';
  readonly used: number;
}

export interface Slot {
  readonly kind: 'held';
  /** A dry run took it though there was no room. */
  readonly isOverLimit: boolean;
  /** For another `SLOT_MS`; false when Valkey has lost it and there is no room under `limit` any more. Never rejects. */
  renew(limit: number): Promise<boolean>;
  /** Once; never rejects. */
  release(): void;
}

export interface Slots {
  /** Never rejects. */
  acquire(request: SlotRequest): Promise<Slot | SlotRefusal>;
}

export interface SlotsOptions {
  readonly valkey: Readonly<Record<'decide' | 'bulk', Pick<ValkeyClient, 'run' | 'call'>>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many processes decide; while Valkey is away the last number known. */
  livePods(): number;
  readonly random?: () => number;
}

/** A slot that is not renewed ends by itself. */
export const SLOT_MS = 30_000;
/** Three tries before it ends. */
export const SLOT_RENEWAL_MS = 10_000;

const script = defineScript(
  'limiter-slot',
  `
-- Takes a concurrency slot, or renews one.
--
-- KEYS[1] slots:{<key_id>}, a zset: member by the instant it ends (ms, server time)
-- ARGV    1 member  2 limit (-1: none)  3 life of a slot (ms)  4 life of the key (ms)
-- Returns { 1 when held and 0 when not, slots in use }
-- Complexity O(log n + slots that have ended); four to five commands
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local used, limit = redis.call('ZCARD', KEYS[1]), tonumber(ARGV[2])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if limit >= 0 and used >= limit then return { 0, used } end
  used = used + 1
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 1, used }`,
  1,
);

const KEY_LIFE_MS = keyspace.slots.ttlSeconds * 1_000;

export function createSlots(options: SlotsOptions): Slots {
  const { valkey, random = Math.random } = options;
  /** What this process holds, by key: what LocalLimit counts. */
  const held = new Map<string, number>();
  const log = createRefusalLog(options);

  const change = (keyId: string, by: number): void => {
    const count = (held.get(keyId) ?? 0) + by;
    if (count > 0) held.set(keyId, count);
    else held.delete(keyId);
  };
  const ask = async (client: 'decide' | 'bulk', keyId: string, member: string, limit: number): Promise<SlotReply> => {
    const args = [member, limit, SLOT_MS, KEY_LIFE_MS];
    return readReply(await valkey[client].run(script, [keyspace.slots.key({ key_id: keyId })], args));
  };

  const hold = (keyId: string, member: string, isOverLimit: boolean): Slot => {
    let isReleased = false;
    change(keyId, 1);
    return {
      kind: 'held',
      isOverLimit,
      renew: async (limit) => {
        try {
          return (await ask('bulk', keyId, member, isOverLimit ? -1 : limit)).isHeld;
        } catch (err) {
          // Valkey is away: nobody can take what this one had.
          log(err);
          return true;
        }
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        change(keyId, -1);
        // What does not arrive ends by itself.
        valkey.bulk.call('ZREM', keyspace.slots.key({ key_id: keyId }), member).catch(() => undefined);
      },
    };
  };

  return {
    async acquire(request) {
      const { keyId, limit, dryRun } = request;
      const member = Math.floor(random() * 2 ** 52).toString(36) + Math.floor(random() * 2 ** 52).toString(36);
      try {
        const { isHeld, used } = await ask('decide', keyId, member, dryRun ? -1 : limit);
        if (isHeld) return hold(keyId, member, used > limit);
        return { kind: 'refused', limit: 'concurrency', used };
      } catch (err) {
        log(err);
        const judgement = judgeLocally(request, held.get(keyId) ?? 0, options.livePods());
        return judgement.kind === 'refused' ? judgement : hold(keyId, member, judgement.isOverLimit);
      }
    },
  };
}

/** What the policy says while Valkey is away; `used`: by this process. */
function judgeLocally(
  { limit, onValkeyFailure, dryRun }: SlotRequest,
  used: number,
  livePods: number,
): SlotRefusal | { readonly kind: 'held'; readonly isOverLimit: boolean } {
  const share = Math.max(1, Math.floor(limit / Math.max(1, livePods)));
  const isOverLimit = onValkeyFailure === 'Deny' || (onValkeyFailure === 'LocalLimit' && used >= share);
  if (!isOverLimit || dryRun) return { kind: 'held', isOverLimit };
  return { kind: 'refused', limit: onValkeyFailure === 'Deny' ? 'unavailable' : 'concurrency', used };
}

interface SlotReply {
  readonly isHeld: boolean;
  readonly used: number;
}

function readReply(value: unknown): SlotReply {
  if (!Array.isArray(value) || value.length !== 2) throw new TypeError('the slot script answered something else');
  const [isHeld, used] = value.map(Number);
  return { isHeld: isHeld === 1, used: used ?? 0 };
}

const LOG_PERIOD_MS = 60_000;

/** A Valkey that is away is its client's to report; what it refuses is said once a minute. */
function createRefusalLog({ logger, clock }: SlotsOptions): (err: unknown) => void {
  let loggedMs = Number.NEGATIVE_INFINITY;
  return (err) => {
    if (isWeirError(err, 'VALKEY_TIMEOUT') || isWeirError(err, 'VALKEY_UNAVAILABLE')) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - loggedMs < LOG_PERIOD_MS) return;
    loggedMs = nowMs;
    logger.error({ err }, 'valkey refuses the script of concurrency slots: policies say what happens');
  };
}
