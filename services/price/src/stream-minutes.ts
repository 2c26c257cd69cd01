/**
 * How a stream pays for its minutes: one call for each pair, from the beginning of each minute.
 *
 * Guarantees: a minute that is refused as a whole is paid in parts as the bucket fills, so that a key within its rate keeps
 * its stream whatever else it asks for; what is not paid half a minute after that ends the stream; while Valkey is away a stream
 * goes on as the policy's `onValkeyFailure` lets calls go on. Does not: end the stream itself, or know its first minute, which is
 * paid before it begins.
 */
import { errorCatalogue } from '@weir/errors';
import type { ProblemSource } from '@weir/http';
import type { Decision, Limiter } from '@weir/limiter';
import type { AuthorizeHash } from './authorize.ts';
import { describeDenial } from './limit-headers.ts';
import type { PriceMetrics } from './metrics.ts';
import type { Access } from './policy-directory.ts';
import { countDecision, UNLIMITED } from './price-api.ts';
import { Refusal } from './refusal.ts';

export interface MinutesParts {
  readonly limiter: Pick<Limiter, 'decide'>;
  readonly authorizeHash: AuthorizeHash;
  readonly metrics: PriceMetrics;
  readonly serverTimeMs: () => number;
}

/** Why a stream must end, and when another one may be begun. */
export interface Unpaid {
  readonly problem: ProblemSource;
  readonly retryMs: number | undefined;
}

type Denied = Extract<Decision, { admitted: false }>;

const MINUTE_MS = 60_000;
/** So long the bucket may take to pay a minute that has begun. */
const GRACE_MS = 30_000;

export class StreamMinutes {
  readonly #parts: MinutesParts;
  readonly #sha256: string;
  /** Of each minute. */
  readonly #cost: number;
  #dueMs: number;
  #graceEndMs: number;
  #owed: number;
  #isInParts = false;
  #isAsking = false;

  /** `cost`: of a minute, the first of which is paid and begins now. `sha256`: of the text of the key. */
  constructor(parts: MinutesParts, sha256: string, cost: number, nowMs: number) {
    this.#parts = parts;
    this.#sha256 = sha256;
    this.#cost = cost;
    this.#owed = cost;
    this.#dueMs = nowMs + MINUTE_MS;
    this.#graceEndMs = this.#dueMs + GRACE_MS;
  }

  /** To be called each round; nothing is asked before it is due. `undefined`: the stream goes on. */
  pay(nowMs: number): Promise<Unpaid | undefined> | undefined {
    if (nowMs < this.#dueMs || this.#isAsking) return undefined;
    this.#isAsking = true;
    return this.#pay(nowMs).finally(() => (this.#isAsking = false));
  }

  async #pay(nowMs: number): Promise<Unpaid | undefined> {
    const { authorizeHash, limiter } = this.#parts;
    const access = await authorizeHash(this.#sha256);
    if (access instanceof Refusal) return this.#refused(access, nowMs);
    const cost = this.#isInParts ? 1 : this.#owed;
    const decision = access.decide === undefined ? UNLIMITED : await limiter.decide({ ...access.decide, cost });
    if (!decision.admitted) return this.#denied(access, decision, nowMs);
    this.#owed -= cost;
    if (this.#owed > 0) return undefined;
    countDecision(this.#parts.metrics, decision);
    this.#beginMinute();
    return undefined;
  }

  /** That a key cannot be looked up says nothing against it. */
  #refused({ problem }: Refusal, nowMs: number): Unpaid | undefined {
    const isOutage = errorCatalogue[problem.code].status >= 500;
    return isOutage && nowMs < this.#graceEndMs ? undefined : { problem, retryMs: undefined };
  }

  #denied(access: Access, decision: Denied, nowMs: number): Unpaid | undefined {
    this.#isInParts = true;
    // Valkey is away, and the policy lets its keys go on: a local share says nothing of what the bucket would pay.
    if (decision.basis === 'fallback' && decision.limit === 'bucket') {
      this.#graceEndMs = nowMs + GRACE_MS;
      if (nowMs >= this.#dueMs + MINUTE_MS) this.#beginMinute();
    }
    if (nowMs < this.#graceEndMs) return undefined;
    countDecision(this.#parts.metrics, decision);
    const { problem } = describeDenial(access, decision, this.#parts.serverTimeMs());
    const { ratePerSecond = Number.POSITIVE_INFINITY } = access.decide?.bucket ?? {};
    // What another stream costs has to be there.
    return { problem, retryMs: Math.max(decision.retryAfterMs, (this.#cost * 1_000) / ratePerSecond) };
  }

  #beginMinute(): void {
    this.#dueMs += MINUTE_MS;
    this.#graceEndMs = Math.max(this.#graceEndMs, this.#dueMs + GRACE_MS);
    this.#owed = this.#cost;
    this.#isInParts = false;
  }
}
