/**
 * The governor of one process: asks and tells the cluster every 250 ms for each upstream that is in use, in one packet.
 *
 * An upstream that has not been used for a while is asked about again with its next request, at once. Counts whose call
 * fails are dropped: nobody knows whether they arrived, and counted twice they would say that an upstream fails which does not.
 */
import type { Clock, Timer } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { adaptiveKeys, adaptiveScript, readAdaptiveReply } from './adaptive-script.ts';
import { createGovernorMetrics, type GovernorMetrics } from './governor-metrics.ts';
import type { Governor, GovernorScope, Outcome, Pass, Turn } from './governor.ts';
import { BELIEVED_MS, ScopeState } from './scope-state.ts';
import { NO_COUNTS, type Counts, type Told } from './tally.ts';

export interface GovernorOptions {
  readonly valkey: { readonly bulk: Pick<Valkey['bulk'], 'run'> };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random?: () => number;
  /** How many requests of this process may be in flight to one upstream. */
  readonly maxConcurrent?: () => number | undefined;
}

const FLUSH_MS = 250;
/** So that processes which started together do not ask together for ever. */
const JITTER = 0.2;
/** An upstream that nobody has used for so long is not asked about. */
const IDLE_MS = 5_000;
/** … and for so long is forgotten: the cluster has forgotten it too. */
const FORGET_MS = 60_000;
const MAX_CONCURRENT_DEFAULT = 16;
/** The cluster lets one request per second through. */
const SHED_RETRY_MS = 1_000;
const CONCURRENCY_RETRY_MS = 250;
const REFUSAL_LOG_PERIOD_MS = 60_000;

/** The aggregate of all price venues: written for people, never acted on. */
const PRICE_PREFIX = 'lpo:';
const PRICE_AGGREGATE = 'lpo';

type Asking = Told & { readonly wantsProbe: boolean };
const NOTHING_ASKED: Asking = { wantsProbe: false, epochMs: 0, shedMicro: 0 };

const SHED: Turn = { admitted: false, why: 'shed', retryAfterMs: SHED_RETRY_MS };
const FULL: Turn = { admitted: false, why: 'concurrency', retryAfterMs: CONCURRENCY_RETRY_MS };

class SharedGovernor implements Governor {
  readonly #options: GovernorOptions;
  readonly #random: () => number;
  readonly #metrics: GovernorMetrics;
  readonly #scopes = new Map<GovernorScope, ScopeState>();
  readonly #calls = new Set<Promise<void>>();
  #aggregate = NO_COUNTS;
  #timer: Timer | undefined;
  #refusalLoggedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#metrics = createGovernorMetrics(options.telemetry, () => this.views());
  }

  enter(scope: GovernorScope): Pass | Turn {
    const state = this.#stateOf(scope);
    this.#use(state);
    const nowMs = state.usedMs;
    if (state.inFlight >= (this.#options.maxConcurrent?.() ?? MAX_CONCURRENT_DEFAULT)) {
      state.metrics.turnedAway.concurrency.add();
      return FULL;
    }
    if (!state.passes(nowMs, this.#random())) {
      state.metrics.turnedAway.shed.add();
      return SHED;
    }
    state.inFlight += 1;
    let isUnderWay = true;
    return {
      admitted: true,
      end: (outcome: Outcome) => {
        if (!isUnderWay) return;
        isUnderWay = false;
        state.end(outcome);
        this.#use(state);
      },
    };
  }

  views() {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#scopes.values()].map((state) => state.view(nowMs));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    await Promise.all(this.#calls);
    for (const state of this.#scopes.values()) if (state.hasNews) this.#flush(state);
    this.#flushAggregate();
    await Promise.all(this.#calls);
  }

  #stateOf(scope: GovernorScope): ScopeState {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const state = new ScopeState({ scope, clock: this.#options.clock, metrics: this.#metrics.scope(scope) });
    this.#scopes.set(scope, state);
    return state;
  }

  #use(state: ScopeState): void {
    const nowMs = this.#options.clock.monotonicMs();
    state.usedMs = nowMs;
    if (this.#isClosed) return;
    this.#timer ??= this.#schedule();
    if (!state.isAgreed(nowMs) && nowMs - state.flushedMs >= BELIEVED_MS) this.#flush(state);
  }

  #schedule(): Timer {
    const delayMs = FLUSH_MS * (1 - JITTER + 2 * JITTER * this.#random());
    return this.#options.clock.setTimeout(() => this.#tick(), delayMs);
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    let isInUse = false;
    for (const [scope, state] of this.#scopes) {
      const idleMs = nowMs - state.usedMs;
      if (idleMs <= IDLE_MS || state.hasNews) {
        isInUse = true;
        this.#flush(state);
      } else if (idleMs > FORGET_MS && state.inFlight === 0) this.#scopes.delete(scope);
    }
    this.#flushAggregate();
    if (isInUse) this.#timer = this.#schedule();
  }

  /** One call at a time for a scope; what happens meanwhile goes with the next one. */
  #flush(state: ScopeState): void {
    if (state.isAsking) return;
    const sentMs = this.#options.clock.monotonicMs();
    const { counts, ...asked } = state.take(sentMs);
    state.flushedMs = sentMs;
    state.isAsking = true;
    if (state.scope.startsWith(PRICE_PREFIX)) this.#aggregate = addCounts(this.#aggregate, counts);
    const agreeing = this.#ask(state.scope, counts, asked).then((reading) => {
      state.isAsking = false;
      if (reading !== undefined) state.agree(reading, sentMs);
    });
    this.#keep(agreeing);
  }

  #flushAggregate(): void {
    const counts = this.#aggregate;
    if (counts.total === 0) return;
    this.#aggregate = NO_COUNTS;
    this.#keep(this.#ask(PRICE_AGGREGATE, counts, NOTHING_ASKED).then(() => undefined));
  }

  async #ask(
    scope: string,
    { total, successes, throttled, asked }: Counts,
    { wantsProbe, epochMs, shedMicro }: Asking,
  ) {
    try {
      const args = [total, successes, throttled, wantsProbe ? 1 : 0, asked, epochMs, shedMicro];
      const reply = await this.#options.valkey.bulk.run(adaptiveScript, adaptiveKeys(scope), args);
      const reading = readAdaptiveReply(reply);
      this.#metrics.calls.answered.add();
      return reading;
    } catch (err) {
      this.#metrics.calls.failed.add();
      this.#logRefusal(err);
      return undefined;
    }
  }

  /** A Valkey that is away is its client's to report; one that refuses is told of once a minute. */
  #logRefusal(err: unknown): void {
    if (isWeirError(err, 'VALKEY_TIMEOUT') || isWeirError(err, 'VALKEY_UNAVAILABLE')) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#refusalLoggedMs < REFUSAL_LOG_PERIOD_MS) return;
    this.#refusalLoggedMs = nowMs;
    this.#options.logger.error({ err }, 'valkey refuses the governor script: upstreams are judged by own counts');
  }

  #keep(call: Promise<void>): void {
    const kept = call.finally(() => this.#calls.delete(kept));
    this.#calls.add(kept);
  }
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    total: a.total + b.total,
    successes: a.successes + b.successes,
    throttled: a.throttled + b.throttled,
    asked: a.asked + b.asked,
  };
}

export function createGovernor(options: GovernorOptions): Governor {
  return new SharedGovernor(options);
}
