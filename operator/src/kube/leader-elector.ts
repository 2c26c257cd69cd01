/**
 * Stands for leadership by a Lease, and holds it.
 *
 * Two processes never lead at once, however wrong their dates are: who waits counts the lease's duration from the moment
 * in which it saw the record change, who leads stops `renewDeadlineMs` after it began its last successful renewal, and
 * both count with clocks that never go back.
 */
import { sleep, type Clock, type Timer } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { TimedFence } from './fence.ts';
import type { KubeClient } from './kube-client.ts';
import { isKubeError } from './kube-error.ts';
import { firstLease, heldLease, isFree, LEASE_TYPE, recordOf, releasedLease, type Lease } from './lease.ts';

export interface LeaderElectorOptions {
  /** Neither fenced nor limited, and with deadlines well below `renewDeadlineMs`. */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Of this process start, never used again. */
  readonly identity: string;
  readonly fence: TimedFence;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly onElected: () => void;
  /** Never after `stop`. Nothing is to be written any more; the process ends. */
  readonly onLost: (reason: string) => void;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2_000;
const RETRY_JITTER = 0.2;
/** Without an attempt for so long the elector itself hangs. */
const ATTEMPTS_EXPECTED_WITHIN_MS = 60_000;

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #state: 'standby' | 'leading' | 'ended' = 'standby';
  #lease: Lease | undefined;
  /** Since when the record of the Lease has been seen to be the same. */
  #unchangedSinceMs: number;
  #attemptedMs: number;
  #expiry: Timer | undefined;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ lease: options.name, identity: options.identity });
    this.#attemptedMs = options.clock.monotonicMs();
    this.#unchangedSinceMs = this.#attemptedMs;
    this.#done = this.#run();
  }

  get isLeader(): boolean {
    return this.#state === 'leading' && this.#options.fence.isLeader;
  }

  get #isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Who holds the Lease, as far as is known here; `''`: nobody. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? '';
  }

  /** What is wrong with the elector itself, for a liveness probe. */
  get fault(): string | undefined {
    const { clock, fence } = this.#options;
    if (this.#state === 'ended') return undefined;
    if (this.#state === 'leading' && !fence.isLeader) return 'The Lease ran out, and this process goes on.';
    const silentMs = clock.monotonicMs() - this.#attemptedMs;
    return silentMs > ATTEMPTS_EXPECTED_WITHIN_MS ? 'The Lease has not been looked at for a minute.' : undefined;
  }

  /** Gives the Lease back, so that another process leads at once. Whatever led must have stopped before. */
  async stop(): Promise<void> {
    const wasLeader = this.isLeader;
    this.#end();
    await this.#done;
    if (wasLeader) await this.#release();
  }

  async #run(): Promise<void> {
    const { clock, random, retryPeriodMs = RETRY_PERIOD_MS } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#attempt();
      } catch (err) {
        if (!this.#isEnded) this.#logger.warn({ err }, 'the Lease could not be read or written');
      }
      await sleep(clock, retryPeriodMs * (1 + RETRY_JITTER * random()), signal).catch(() => {
        // Stopped.
      });
    }
  }

  async #attempt(): Promise<void> {
    const { clock } = this.#options;
    this.#attemptedMs = clock.monotonicMs();
    // Mostly nobody else has written since, and then one call is enough.
    if (this.#state === 'leading' && this.#lease !== undefined && (await this.#hold(this.#lease))) return;
    const lease = await this.#read();
    const { leaseDurationMs = LEASE_DURATION_MS, identity } = this.#options;
    const isOwn = lease?.spec?.holderIdentity === identity;
    if (lease === undefined) {
      await this.#hold(undefined);
    } else if (isOwn || isFree(lease, clock.monotonicMs() - this.#unchangedSinceMs, leaseDurationMs)) {
      await this.#hold(lease);
    } else if (this.#state === 'leading') {
      this.#lose(`${this.holder} holds the Lease`);
    }
  }

  async #read(): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    const lease = await client.get<Lease>(LEASE_TYPE, { namespace, name }, { signal: this.#stop.signal });
    this.#note(lease);
    return lease;
  }

  #note(lease: Lease | undefined): void {
    const before = this.#lease;
    this.#lease = lease;
    const isUnchanged = before !== undefined && lease !== undefined && recordOf(before) === recordOf(lease);
    if (!isUnchanged) this.#unchangedSinceMs = this.#options.clock.monotonicMs();
  }

  /** Writes the Lease for this process; false when somebody else has written it meanwhile. */
  async #hold(lease: Lease | undefined): Promise<boolean> {
    const { client, clock, namespace, name, identity, leaseDurationMs = LEASE_DURATION_MS } = this.#options;
    const { signal } = this.#stop;
    const candidate = { identity, leaseDurationMs };
    const startedMs = clock.monotonicMs();
    try {
      const written =
        lease === undefined
          ? await client.create(LEASE_TYPE, firstLease({ namespace, name }, candidate, clock.nowMs()), { signal })
          : await client.replace(LEASE_TYPE, heldLease(lease, candidate, clock.nowMs()), { signal });
      this.#note(written);
    } catch (err) {
      if (['conflict', 'exists', 'notFound'].some((kind) => isKubeError(err) && err.kind === kind)) return false;
      throw err;
    }
    this.#holdFrom(startedMs);
    return true;
  }

  /** The others count from later than `startedMs`, since they can only have seen what was written after it. */
  #holdFrom(startedMs: number): void {
    const { clock, fence, onElected, renewDeadlineMs = RENEW_DEADLINE_MS } = this.#options;
    const untilMs = startedMs + renewDeadlineMs;
    if (this.#state === 'ended') return;
    // The answer took so long, or the process was frozen meanwhile, that others may lead by now.
    if (clock.monotonicMs() >= untilMs) return;
    fence.openUntil(untilMs);
    this.#expiry?.cancel();
    this.#expiry = clock.setTimeout(
      () => this.#lose('the Lease was not renewed in time'),
      untilMs - clock.monotonicMs(),
    );
    if (this.#state === 'leading') return;
    this.#state = 'leading';
    this.#logger.info('leading');
    onElected();
  }

  #lose(reason: string): void {
    if (this.#state !== 'leading') return;
    this.#end();
    this.#logger.error({ reason }, 'leadership was lost');
    this.#options.onLost(reason);
  }

  #end(): void {
    this.#state = 'ended';
    this.#options.fence.close();
    this.#expiry?.cancel();
    this.#stop.abort(new Error('the elector has ended'));
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, clock } = this.#options;
    try {
      // The last renewal may have arrived without an answer.
      const lease = await client.get<Lease>(LEASE_TYPE, { namespace, name });
      if (lease?.spec?.holderIdentity !== identity) return;
      await client.replace(LEASE_TYPE, releasedLease(lease, clock.nowMs()));
      this.#logger.info('the Lease was given back');
    } catch (err) {
      this.#logger.warn({ err }, 'the Lease could not be given back, and ends by itself');
    }
  }
}
