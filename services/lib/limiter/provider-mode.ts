/**
 * Who decides for one provider now: Valkey, this process by its safe share, or nobody for a moment.
 *
 * Nobody: Valkey is back, or is another one than before. Until every process has noticed, told it what was admitted
 * meanwhile and let go of the leases of before, nothing is admitted. So nobody takes what another has taken already.
 */
import { isWeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { lowestQuota } from '@weir/wire';
import type { ProviderQuota } from './provider-quotas.ts';
import type { ProviderReply } from './provider-script.ts';
import type { OwnQuota } from './quota-register.ts';
import { createSafeShare, owedBy, type SafeShare } from './safe-share.ts';

/** Longer than the longest lease, and than a process takes to notice and to tell: a probe, a look and a call. */
const LEARNING_MS = 500;
/** How long a process that Valkey does not answer takes nothing: it may be the only one, and the others go on. */
const DOUBT_MS = 1_000;
/** An error reply says that the next call would get one too. */
const ERROR_MS = 1_000;
const ERROR_LOG_PERIOD_MS = 60_000;

export type Mode =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'local'; readonly share: SafeShare }
  | { readonly kind: 'learning'; readonly share: SafeShare; readonly untilMs: number; isTold: boolean };

export interface ModeOptions {
  readonly provider: string;
  quota(): OwnQuota;
  livePods(): number;
  readonly decide: Pick<ValkeyClient, 'health'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** What Valkey told last of the quota. */
interface Told {
  readonly quota: ProviderQuota;
  readonly points: number;
  /** In server time, and on our clock. */
  readonly expire: number;
  readonly expireMs: number;
}

export class ProviderMode {
  readonly #options: ModeOptions;
  #mode: Mode = { kind: 'cluster' };
  #told: Told | undefined;
  #awayUntilMs = Number.NEGATIVE_INFINITY;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ModeOptions) {
    this.#options = options;
  }

  get current(): Mode {
    return this.#mode;
  }

  get basis(): 'cluster' | 'local' {
    return this.#mode.kind === 'cluster' ? 'cluster' : 'local';
  }

  /** This process's, or a lower one that another has. */
  quotaInForce(): ProviderQuota {
    const { quota, isConfigured } = this.#options.quota();
    const told = this.#told?.quota;
    if (told === undefined) return quota;
    return isConfigured ? (lowestQuota([quota, told]) ?? quota) : told;
  }

  /** Moves on as time and Valkey have; answers whether another decides than before. */
  observe(nowMs: number): boolean {
    const before = this.#mode;
    this.#mode = this.#next(nowMs);
    if (before.kind === this.#mode.kind) return false;
    const { logger, provider } = this.#options;
    if (before.kind === 'cluster')
      logger.warn({ provider }, 'quota of a provider: this process goes by its safe share');
    else if (this.#mode.kind === 'cluster') logger.info({ provider }, 'quota of a provider: shared by all again');
    return true;
  }

  learn(nowMs: number): void {
    const share = this.#mode.kind === 'cluster' ? createSafeShare(nowMs) : this.#mode.share;
    this.#mode = { kind: 'learning', share, untilMs: nowMs + LEARNING_MS, isTold: false };
  }

  /** What Valkey has to hear before anything else. */
  arrears(share: SafeShare): { readonly owed: number; readonly told: Told | undefined } {
    return { owed: owedBy(share, this.quotaInForce(), this.#options.livePods()), told: this.#told };
  }

  adopt({ quota, level, expire, expireInMs }: ProviderReply, nowMs: number): void {
    this.#told = { quota, points: level, expire, expireMs: nowMs + expireInMs };
  }

  forget(): void {
    this.#told = undefined;
  }

  noteFailure(err: unknown, nowMs: number): void {
    const { decide, logger, provider } = this.#options;
    if (decide.health === 'closed') this.#awayUntilMs = nowMs + ERROR_MS;
    // A Valkey that is away is its client's to report.
    if (isWeirError(err, 'VALKEY_TIMEOUT') || isWeirError(err, 'VALKEY_UNAVAILABLE')) return;
    if (nowMs - this.#loggedMs < ERROR_LOG_PERIOD_MS) return;
    this.#loggedMs = nowMs;
    logger.error({ err, provider }, 'valkey refuses the script of provider quotas');
  }

  #next(nowMs: number): Mode {
    const mode = this.#mode;
    const isAway = this.#options.decide.health !== 'closed' || nowMs < this.#awayUntilMs;
    switch (mode.kind) {
      case 'cluster':
        return isAway ? { kind: 'local', share: createSafeShare(this.#opensMs(nowMs)) } : mode;
      case 'local':
        if (isAway) return mode;
        return { kind: 'learning', share: mode.share, untilMs: nowMs + LEARNING_MS, isTold: false };
      case 'learning':
        if (isAway) return { kind: 'local', share: mode.share };
        return mode.isTold && nowMs >= mode.untilMs ? { kind: 'cluster' } : mode;
    }
  }

  /** A fixed window may have been used up by others: what remains of it is not ours to take. */
  #opensMs(nowMs: number): number {
    const { window, durationMs } = this.quotaInForce();
    const soonMs = nowMs + DOUBT_MS;
    if (window === 'Smooth') return soonMs;
    return Math.max(soonMs, this.#told?.expireMs ?? nowMs + durationMs);
  }
}
