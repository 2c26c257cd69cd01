/** What one process knows of one upstream: its own counts, what the cluster agreed on, and what is in flight. */
import type { Clock } from '@weir/clock';
import type { ScopeMetrics } from './governor-metrics.ts';
import type { GovernorScope, GovernorView, Outcome } from './governor.ts';
import { LOCAL_LAW, WINDOW_S } from './shed-law.ts';
import { createTally, NO_COUNTS, type Counts, type TallyReading, type Told } from './tally.ts';

/** What the cluster agreed on is believed for so long. */
export const BELIEVED_MS = 1_000;
/** A probe that nobody used for so long is no news any more; at little demand it takes long to come to be used. */
const PROBE_MS = WINDOW_S * 1_000;

export interface ScopeStateOptions {
  readonly scope: GovernorScope;
  readonly clock: Clock;
  readonly metrics: ScopeMetrics;
}

const UNTOLD: Told = { epochMs: 0, shedMicro: 0 };

export class ScopeState {
  readonly scope: GovernorScope;
  readonly metrics: ScopeMetrics;
  readonly #clock: Clock;
  readonly #local = createTally(LOCAL_LAW);
  #localReading: TallyReading | undefined;
  #agreed: TallyReading | undefined;
  #agreedMs = Number.NEGATIVE_INFINITY;
  #total = 0;
  #successes = 0;
  #throttled = 0;
  #asked = 0;
  #probeUntilMs = Number.NEGATIVE_INFINITY;
  /** Somebody was turned away, or let out as a probe alone, since the last probe was granted: another one would be used. */
  #wouldShed = false;
  inFlight = 0;
  /** Of the last request, sent or not, or its end. */
  usedMs = Number.NEGATIVE_INFINITY;
  flushedMs = Number.NEGATIVE_INFINITY;
  /** A flush is under way. */
  isAsking = false;

  constructor({ scope, clock, metrics }: ScopeStateOptions) {
    this.scope = scope;
    this.#clock = clock;
    this.metrics = metrics;
  }

  isAgreed(nowMs: number): boolean {
    return nowMs - this.#agreedMs <= BELIEVED_MS;
  }

  /** What holds now. */
  reading(nowMs: number): TallyReading {
    if (this.#agreed !== undefined && this.isAgreed(nowMs)) return this.#agreed;
    const known = this.#localReading;
    if (known !== undefined && nowMs * 1_000 - known.nowUs <= BELIEVED_MS * 1_000) return known;
    return this.#stepLocal(NO_COUNTS, nowMs);
  }

  /** Whether a request goes out, when `chance` is from 0 to 1. */
  passes(nowMs: number, chance: number): boolean {
    this.#asked += 1;
    if (chance * 1_000_000 >= this.reading(nowMs).shedMicro) return true;
    this.#wouldShed = true;
    if (nowMs >= this.#probeUntilMs) return false;
    this.#probeUntilMs = Number.NEGATIVE_INFINITY;
    this.metrics.probes.add();
    return true;
  }

  end(outcome: Outcome): void {
    this.inFlight -= 1;
    this.usedMs = this.#clock.monotonicMs();
    this.metrics.requests[outcome].add();
    if (outcome === 'ignored') return;
    this.#total += 1;
    if (outcome === 'success') this.#successes += 1;
    else if (outcome === 'throttled') this.#throttled += 1;
  }

  get hasNews(): boolean {
    return this.#total > 0;
  }

  /** What happened since the last time, counted here as well; whether a probe would be used; and what the cluster told last. */
  take(nowMs: number): Told & { readonly counts: Counts; readonly wantsProbe: boolean } {
    const counts = {
      total: this.#total,
      successes: this.#successes,
      throttled: this.#throttled,
      asked: this.#asked,
    };
    const wantsProbe = this.#wouldShed && nowMs >= this.#probeUntilMs;
    this.#total = 0;
    this.#successes = 0;
    this.#throttled = 0;
    this.#asked = 0;
    const isLocal = !this.isAgreed(nowMs);
    const reading = this.#stepLocal(counts, nowMs, isLocal && wantsProbe);
    if (reading.hasProbe) this.#grant(nowMs);
    // Only what still holds: an upstream that nobody has used for a while begins anew.
    const { epochMs, shedMicro } = this.#agreed !== undefined && !isLocal ? this.#agreed : UNTOLD;
    return { counts, wantsProbe, epochMs, shedMicro };
  }

  /** `sentMs`: when it was asked for, since nobody knows when it was answered. */
  agree(reading: TallyReading, sentMs: number): void {
    this.#agreed = reading;
    this.#agreedMs = sentMs;
    if (reading.hasProbe) this.#grant(sentMs);
    // Whatever happens to Valkey next, this process goes on from there.
    this.#local.adopt(reading.shedMicro, reading.isThrottled);
  }

  view(nowMs: number): GovernorView {
    const { shedMicro, isThrottled, successes, total, sendRate } = this.reading(nowMs);
    return {
      scope: this.scope,
      isThrottled,
      shedProbability: shedMicro / 1_000_000,
      successes,
      total,
      sendRate: sendRate === 0 ? undefined : sendRate / 1_000,
      inFlight: this.inFlight,
      basis: this.isAgreed(nowMs) ? 'cluster' : 'local',
    };
  }

  #grant(nowMs: number): void {
    this.#probeUntilMs = nowMs + PROBE_MS;
    this.#wouldShed = false;
  }

  #stepLocal(counts: Counts, nowMs: number, wantsProbe = false): TallyReading {
    this.#localReading = this.#local.step(Math.floor(nowMs * 1_000), counts, wantsProbe);
    return this.#localReading;
  }
}
