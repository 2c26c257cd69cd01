/**
 * The pod side of the leased token bucket: decides from what it holds, asks Valkey for the rest, and falls back.
 *
 * A key is in one of three conditions. *Leased*: tokens are in hand, so the answer is immediate, and one refill is asked
 * for when a quarter is left. *Asking*: one call per key is in flight and everybody else of that key waits for it, then
 * shares the next. *Refused*: Valkey has said when the next token exists, so until then the answer is immediate too.
 */
import type { Clock } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { createAnswers } from './answers.ts';
import type { DecideRequest, Decision } from './decision.ts';
import { randomName } from './holder-name.ts';
import { adoptPolicy, createKeyState, endLease } from './key-state.ts';
import { createKeyTable, type KeyTable } from './key-table.ts';
import { createLimiterMetrics } from './limiter-metrics.ts';
import { createOutage } from './outage.ts';
import { createValkeyCalls } from './valkey-calls.ts';

export interface Limiter {
  /** Synchronous when a lease, a refusal that still holds or the fallback answers. */
  decide(request: DecideRequest): Decision | Promise<Decision>;
  /** Hands the unspent tokens of every lease back; nothing is leased any more after that. */
  close(): Promise<void>;
}

export interface LimiterOptions {
  readonly valkey: { readonly decide: Pick<ValkeyClient, 'run' | 'health' | 'onFailover'> };
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** How many processes decide; while Valkey is away the last number known. */
  livePods(): number;
  readonly random?: () => number;
  /** Longest that a request waits for Valkey: the deadline of the `decide` client. */
  readonly waitMsMax?: number;
}

/** The keys used last, of which at least so many are known. */
const KEYS_KEPT = 100_000;
const WAIT_MS_MAX = 50;

export function createLimiter(options: LimiterOptions): Limiter {
  return createLimiterOver(createKeyTable(KEYS_KEPT), options);
}

/** As `createLimiter`, over a table that a test can look into. */
export function createLimiterOver(keys: KeyTable, options: LimiterOptions): Limiter {
  const { clock, logger } = options;
  const { decide } = options.valkey;
  const livePods = (): number => options.livePods();
  const metrics = createLimiterMetrics(options.telemetry, () => keys.size);
  const answers = createAnswers(metrics, livePods);
  const outage = createOutage({ decide, clock, logger });
  const holder = randomName(options.random ?? Math.random);
  const waitMsMax = options.waitMsMax ?? WAIT_MS_MAX;
  const calls = createValkeyCalls({ decide, clock, logger, metrics, answers, outage, livePods, holder, waitMsMax });

  return {
    decide(request) {
      const nowMs = clock.monotonicMs();
      const { keyId, cost } = request;
      let state = keys.get(keyId);
      if (state === undefined) {
        state = createKeyState(request, nowMs);
        keys.add(state);
      } else {
        adoptPolicy(state, request);
      }
      state.demandSeen += cost;
      state.decisions += 1;
      if (cost <= state.leasedTokens && nowMs < state.leaseEndMs && !request.dryRun) {
        state.leasedTokens -= cost;
        const isLow = state.leasedTokens <= state.refillAtTokens && nowMs >= state.refusedUntilMs;
        if (isLow && !outage.isActive(nowMs)) calls.send(state, nowMs);
        return answers.admit(state, 'lease');
      }
      endLease(state, nowMs);
      if (cost >= state.refusedCost && nowMs < state.refusedUntilMs)
        return answers.refuse(state, request, 'lease', state.refusedUntilMs - nowMs);
      const { burst, tokensPerMs } = state.terms;
      if (cost > burst) return answers.refuse(state, request, 'lease', burst / tokensPerMs);
      if (outage.isActive(nowMs)) return answers.fallBack(state, request, nowMs);
      return new Promise((resolve) => {
        state.waiting.push({ request, sinceMs: nowMs, resolve });
        calls.send(state, nowMs);
      });
    },
    async close() {
      calls.stopLeasing();
      await Promise.all([...keys.states()].map((state) => calls.settle(state)));
      outage.close();
    },
  };
}
