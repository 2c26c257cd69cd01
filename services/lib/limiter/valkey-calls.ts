/**
 * Calls of the decision script: one in flight per key, each for all requests of that key which wait when it is sent.
 *
 * A request waits for one answer, at most as long as the `decide` client's deadline. When it first had to wait for the
 * call before, a timer keeps the sum within that deadline.
 */
import type { Clock, Timer } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import type { Answers } from './answers.ts';
import { decisionScript, readDecisionReply } from './decision-script.ts';
import { applyReply, planCall, type Call, type KeyState } from './key-state.ts';
import type { LimiterMetrics } from './limiter-metrics.ts';
import type { Outage } from './outage.ts';
import { answerBatch, answerFromHand, fallBackAll } from './waiters.ts';

export interface ValkeyCalls {
  /** Sends what waits, or a refill ahead of need; nothing while a call for this key is in flight. */
  send(state: KeyState, nowMs: number): void;
  /** Hands back what the lease still holds; resolves whether that succeeded or not. */
  settle(state: KeyState): Promise<void>;
  stopLeasing(): void;
}

export interface ValkeyCallsOptions {
  readonly decide: Pick<ValkeyClient, 'run'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: LimiterMetrics;
  readonly answers: Answers;
  readonly outage: Outage;
  livePods(): number;
  /** Unique among all processes and starts. */
  readonly holder: string;
  readonly waitMsMax: number;
}

/** A timer that fires late may fire before replies which have already arrived are read: look once more after that. */
const REPLY_GRACE_MS = 1;

export function createValkeyCalls(options: ValkeyCallsOptions): ValkeyCalls {
  const { decide, clock, logger, metrics, answers, outage } = options;
  let callNumber = 0;
  let mayLease = true;
  let hasLoggedRefusal = false;

  const run = (state: KeyState, call: Call, returned: number): Promise<unknown> => {
    callNumber += 1;
    const { terms, batch } = call;
    const args: (string | number)[] = [terms.rate, terms.burst, state.retentionMs, call.cost, batch.length];
    if (call.ahead > 0 || returned > 0) {
      const divisor = 2 * Math.max(1, options.livePods());
      args.push(call.ahead, divisor, terms.leaseMs * 1_000, options.holder, callNumber, call.held, returned);
    }
    return decide.run(decisionScript, [keyspace.rateLimit.key({ key_id: state.keyId })], args);
  };

  /** Whoever came while the call was out: answered at once, or by the next call. */
  const drain = (state: KeyState, nowMs: number): void => {
    if (state.waiting.length === 0) return;
    if (outage.isActive(nowMs)) {
      fallBackAll(answers, state, state.waiting.splice(0), nowMs);
      return;
    }
    answerFromHand(answers, state, nowMs);
    if (state.waiting.length > 0) send(state, nowMs);
  };
  const giveUp = (state: KeyState, call: Call): void => fallBackAll(answers, state, call.batch, clock.monotonicMs());

  /** Once, not with every decision. */
  const reportRefusal = (err: unknown): void => {
    if (!hasLoggedRefusal) logger.error({ err }, 'valkey refuses the decision script: policies say what happens');
    hasLoggedRefusal = true;
  };

  const perform = async (state: KeyState, call: Call, patience: Patience): Promise<void> => {
    try {
      const reply = readDecisionReply(await run(state, call, 0));
      metrics.calls.answered.add();
      hasLoggedRefusal = false;
      metrics.requestsPerCall.record(state.decisions);
      state.decisions = 0;
      applyReply(state, call, reply, clock.monotonicMs());
      if (patience.end()) answerBatch(answers, state, call.batch, reply);
    } catch (err) {
      // Nobody knows what became of the call: tokens that it may have taken are never spent.
      metrics.calls.failed.add();
      if (!isAway(err)) reportRefusal(err);
      if (patience.end()) giveUp(state, call);
    }
    state.isAsking = false;
    drain(state, clock.monotonicMs());
  };

  const send = (state: KeyState, nowMs: number): void => {
    if (state.isAsking) return;
    const call = planCall(state, nowMs, mayLease);
    if (call === undefined) return;
    state.isAsking = true;
    void perform(
      state,
      call,
      limitPatience(options, call, () => giveUp(state, call)),
    );
  };

  return {
    send,
    async settle(state) {
      const nowMs = clock.monotonicMs();
      const { leasedTokens, leaseEndMs, terms } = state;
      if (leasedTokens === 0 || nowMs >= leaseEndMs || state.isAsking || outage.isActive(nowMs)) return;
      state.leasedTokens = 0;
      const call = { cost: 1, batch: [], ahead: 0, held: 0, terms, sentMs: nowMs };
      // What is not handed back ends with the lease.
      await run(state, call, leasedTokens).catch(() => undefined);
    },
    stopLeasing() {
      mayLease = false;
    },
  };
}

const isAway = (err: unknown): boolean => isWeirError(err, 'VALKEY_TIMEOUT') || isWeirError(err, 'VALKEY_UNAVAILABLE');

interface Patience {
  /** Whether the batch still waits; it never does after this. */
  end(): boolean;
}

/** Calls `giveUp` when the oldest of a batch, which has waited for another call before, has waited for `waitMsMax`. */
function limitPatience({ clock, waitMsMax }: ValkeyCallsOptions, call: Call, giveUp: () => void): Patience {
  let isWaiting = true;
  let timer: Timer | undefined;
  const waitedMs = call.sentMs - (call.batch[0]?.sinceMs ?? call.sentMs);
  if (waitedMs > 0) {
    const over = (): void => {
      isWaiting = false;
      giveUp();
    };
    timer = clock.setTimeout(
      () => {
        timer = clock.setTimeout(over, REPLY_GRACE_MS);
      },
      Math.max(0, waitMsMax - waitedMs),
    );
  }
  return {
    end() {
      timer?.cancel();
      const wasWaiting = isWaiting;
      isWaiting = false;
      return wasWaiting;
    },
  };
}
