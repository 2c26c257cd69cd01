/**
 * Which of the instances of a feed publishes: a lease in Valkey, believed only by one's own monotonic clock.
 *
 * The holder trusts its lease until TTL - margin after it *sent* the last successful claim, so it stops by itself before
 * Valkey lets anyone else in, however long a reply took or the process slept. What was sent in time but executed late
 * is made harmless by the seq rule of `write-record.ts`: price keys and the lease lie in different slots of a cluster,
 * so no script can check both.
 */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import { defineScript, type ValkeyClient } from '@weir/valkey';

/**
 * KEYS[1] the lease. ARGV[1] who claims it, ARGV[2] time to live in ms.
 * Returns the holder, which is the claimant when the lease was free or its own. O(1).
 *
 * One script takes and renews: a claim whose reply was lost is simply repeated, and a lease that FLUSHALL took away is
 * back with the next renewal unless a standby was faster.
 */
const claimLease = defineScript(
  'claim-feed-lease',
  `local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`,
  1,
);

/** KEYS[1] the lease. ARGV[1] its holder. Returns 1 when it was given back, else 0. O(1). */
const releaseLease = defineScript(
  'release-feed-lease',
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
  1,
);

const TTL_MS = keyspace.feedLease.ttlSeconds * 1_000;
const RENEW_MS = 500;
const POLL_MS = 250;
/** For the difference in pace between Valkey's clock and ours, and for a write that is on its way. */
const MARGIN_MS = 200;

export interface LeaseOptions {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A text that nobody has used before: one per time that this process holds the lease. */
  readonly nextLease: () => string;
  readonly onHeld: (lease: string) => void;
  readonly onLost: () => void;
}

/** Stands for the lease from its creation until `stop`. */
export class LeaseCandidate {
  readonly #options: LeaseOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #lease: string;
  #isHolder = false;
  #trustedUntilMs = 0;

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
    this.#lose('stopping');
    const { client, key, logger } = this.#options;
    try {
      await client.run(releaseLease, [key], [this.#lease]);
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
    const { client, clock, key, logger } = this.#options;
    this.#loseIfExpired();
    const sentMs = clock.monotonicMs();
    let holder: unknown;
    try {
      holder = await client.run(claimLease, [key], [this.#lease, TTL_MS]);
    } catch (err) {
      logger.debug({ err }, 'lease claim failed');
      this.#loseIfExpired();
      return;
    }
    if (holder !== this.#lease) {
      this.#lose('taken by another instance');
      return;
    }
    this.#trustedUntilMs = sentMs + TTL_MS - MARGIN_MS;
    // A reply that took longer than the lease itself proves nothing.
    if (this.#isHolder || this.#stopping.signal.aborted || clock.monotonicMs() >= this.#trustedUntilMs) return;
    this.#isHolder = true;
    logger.info({ lease: this.#lease }, 'lease held, publishing');
    this.#options.onHeld(this.#lease);
  }

  #loseIfExpired(): void {
    if (this.#options.clock.monotonicMs() >= this.#trustedUntilMs) this.#lose('not renewed in time');
  }

  #lose(why: string): void {
    if (!this.#isHolder) return;
    this.#isHolder = false;
    this.#options.logger.info({ lease: this.#lease, why }, 'lease no longer held');
    this.#options.onLost();
    // Readers number batches by lease: what we publish after a pause must not look like a continuation.
    if (!this.#stopping.signal.aborted) this.#lease = this.#options.nextLease();
  }
}
