/**
 * Which of the instances of a feed publishes: a lease in Valkey, believed only by one's own monotonic clock.
 *
 * The holder trusts its lease until TTL - margin after it *sent* the last successful claim, so it stops by itself before
 * Valkey lets anyone else in, however long a reply took or the process slept. What was sent in time but executed late
 * is made harmless by the seq rule of `write-record.ts`: price keys and the lease lie in different slots of a cluster,
 * so no script can check both.
 *
 * A holder that hears no source says so in the lease. A candidate that hears some asks for it there, and the holder, once it
 * has read that and nothing of its own is on its way any more, gives the lease back. Between two that hear nothing it stays
 * where it is, and nobody is asked for it who has held it for less than 10 s.
 */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import type { Hearing } from './hearing.ts';

/**
 * KEYS[1] the lease: its holder, then ' deaf' if that one hears nothing, then ' asked' if another one has asked for it.
 * ARGV[1] who claims it, ARGV[2] time to live in ms, ARGV[3] how the claimant hears, ARGV[4] '1' to leave a free lease alone.
 * Returns the holder, which is the claimant when the lease was free or its own; '' when it is free and left alone; 'asked' to a
 * deaf holder that is to give it back. O(1).
 *
 * One script takes and renews: a claim whose reply was lost is simply repeated, and a lease that FLUSHALL took away is
 * back with the next renewal unless a standby was faster.
 */
const claimLease = defineScript(
  'claim-feed-lease',
  `local stored = redis.call('GET', KEYS[1])
if not stored and ARGV[4] == '1' then return '' end
local holder = stored and string.match(stored, '^%S+') or ARGV[1]
local isDeaf = ARGV[3] == 'deaf'
if holder ~= ARGV[1] then
  if ARGV[3] == 'hears' and stored == holder .. ' deaf' then
    redis.call('SET', KEYS[1], stored .. ' asked', 'KEEPTTL')
  end
  return holder
end
if isDeaf and stored == holder .. ' deaf asked' then return 'asked' end
redis.call('SET', KEYS[1], isDeaf and holder .. ' deaf' or holder, 'PX', ARGV[2])
return holder`,
  1,
);

/** KEYS[1] the lease. ARGV[1] its holder. Returns 1 when it was given back, else 0. O(1). */
const releaseLease = defineScript(
  'release-feed-lease',
  `local stored = redis.call('GET', KEYS[1])
if stored and string.match(stored, '^%S+') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
  1,
);

const TTL_MS = keyspace.feedLease.ttlSeconds * 1_000;
const RENEW_MS = 500;
const POLL_MS = 250;
/** For the difference in pace between Valkey's clock and ours, and for a write that is on its way. */
const MARGIN_MS = 200;
/**
 * Who hears nothing leaves a free lease to those that do for so long: all of them ask within one poll, and with its end and
 * two polls a takeover stays below 3 s whoever is left.
 */
const LEFT_FREE_MS = 450;
/** Each move opens with every price, and who is heard only now and then would have one every few seconds. */
const KEPT_MS = 10_000;
const ASKED = 'asked';

export interface LeaseOptions {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A text that nobody has used before: one per time that this process holds the lease. */
  readonly nextLease: () => string;
  readonly onHeld: (lease: string) => void;
  /** How well this process hears its sources. */
  readonly hearing: () => Hearing;
  /** Resolves when nothing is on its way that only the holder may send. */
  readonly onLost: () => Promise<void> | void;
}

/** Stands for the lease from its creation until `stop`. */
export class LeaseCandidate {
  readonly #options: LeaseOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #lease: string;
  #isHolder = false;
  #heldSinceMs = 0;
  #trustedUntilMs = 0;
  #freeSinceMs: number | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#lease = options.nextLease();
    this.#running = this.#run();
  }

  /** The lease, while it is surely ours. */
  get held(): string | undefined {
    return this.#isHolder && this.#options.clock.monotonicMs() < this.#trustedUntilMs ? this.#lease : undefined;
  }

  /** Gives the lease back, so that a standby need not wait for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const lease = this.#lease;
    void this.#lose('stopping');
    await this.#release(lease);
  }

  async #release(lease: string): Promise<void> {
    const { client, key, logger } = this.#options;
    try {
      await client.run(releaseLease, [key], [lease]);
    } catch (err) {
      logger.warn({ err }, 'lease not given back, it ends by itself');
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#claim();
      await sleep(this.#options.clock, this.#isHolder ? RENEW_MS : POLL_MS, signal).catch(() => undefined);
    }
  }

  async #claim(): Promise<void> {
    const { client, clock, hearing, key, logger } = this.#options;
    this.#loseIfExpired();
    const sentMs = clock.monotonicMs();
    const heard = hearing();
    const isKept = this.#isHolder && sentMs - this.#heldSinceMs < KEPT_MS;
    const how = isKept && heard === 'deaf' ? 'unsure' : heard;
    const isLeftAlone = how === 'deaf' && !this.#isHolder && !this.#isFreeForLong(sentMs);
    let holder: unknown;
    try {
      holder = await client.run(claimLease, [key], [this.#lease, TTL_MS, how, isLeftAlone ? '1' : '0']);
    } catch (err) {
      logger.debug({ err }, 'lease claim failed');
      this.#loseIfExpired();
      return;
    }
    this.#freeSinceMs = holder === '' ? (this.#freeSinceMs ?? sentMs) : undefined;
    if (holder === ASKED) {
      await this.#giveBack();
      return;
    }
    if (holder !== this.#lease) {
      void this.#lose('taken by another instance');
      return;
    }
    this.#trustedUntilMs = sentMs + TTL_MS - MARGIN_MS;
    // A reply that took longer than the lease itself proves nothing.
    if (this.#isHolder || this.#stopping.signal.aborted || clock.monotonicMs() >= this.#trustedUntilMs) return;
    this.#isHolder = true;
    this.#heldSinceMs = sentMs;
    logger.info({ lease: this.#lease }, 'lease held, publishing');
    this.#options.onHeld(this.#lease);
  }

  #isFreeForLong(nowMs: number): boolean {
    return this.#freeSinceMs !== undefined && nowMs - this.#freeSinceMs >= LEFT_FREE_MS;
  }

  async #giveBack(): Promise<void> {
    const lease = this.#lease;
    await this.#lose('no source is heard here, and another instance hears some');
    await this.#release(lease);
  }

  #loseIfExpired(): void {
    if (this.#options.clock.monotonicMs() >= this.#trustedUntilMs) void this.#lose('not renewed in time');
  }

  async #lose(why: string): Promise<void> {
    if (!this.#isHolder) return;
    this.#isHolder = false;
    this.#options.logger.info({ lease: this.#lease, why }, 'lease no longer held');
    const ended = this.#options.onLost();
    // Readers number batches by lease: what we publish after a pause must not look like a continuation.
    if (!this.#stopping.signal.aborted) this.#lease = this.#options.nextLease();
    await ended;
  }
}
