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
import { applyReply, giveLeaseUp, planCall, type Call, type KeyState } from './key-state.ts';
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

const REFUSAL_LOG_PERIOD_MS = 60_000;

type Run = (state: KeyState, call: Call, returned: number) => Promise<unknown>;

function createRunner(options: ValkeyCallsOptions): Run {
  let callNumber = 0;
  return (state, { terms, cost, batch, ahead, held }, returned) => {
    callNumber += 1;
    const args: (string | number)[] = [terms.rate, terms.burst, state.retentionMs, cost, batch.length];
    if (ahead > 0 || returned > 0) {
      const divisor = 2 * Math.max(1, options.livePods());
      args.push(ahead, divisor, terms.leaseMs * 1_000, options.holder, callNumber, held, returned);
    }
    return options.decide.run(decisionScript, [keyspace.rateLimit.key({ key_id: state.keyId })], args);
  };
}

export function createValkeyCalls(options: ValkeyCallsOptions): ValkeyCalls {
  const { clock, metrics, answers, outage } = options;
  const run = createRunner(options);
  const refusals = createRefusalLog(options);
  let mayLease = true;

  const giveUp = (state: KeyState, call: Call): void => fallBackAll(answers, state, call.batch, clock.monotonicMs());

  const perform = async (state: KeyState, call: Call, patience: Patience): Promise<void> => {
    try {
      const reply = readDecisionReply(await run(state, call, 0));
      metrics.calls.answered.add();
      metrics.requestsPerCall.record(state.decisions);
      state.decisions = 0;
      applyReply(state, call, reply, clock.monotonicMs());
      if (patience.end()) answerBatch(answers, state, call.batch, reply);
    } catch (err) {
      // Nobody knows what became of the call: tokens that it may have taken are never spent.
      metrics.calls.failed.add();
      refusals.note(err);
      if (patience.end()) giveUp(state, call);
    }
    state.isAsking = false;
    const nowMs = clock.monotonicMs();
    answerFromHand(options, state, nowMs);
    if (state.waiting.length > 0) send(state, nowMs);
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
      if (state.isAsking || outage.isActive(nowMs)) return;
      const { leasedTokens } = state;
      const call = giveLeaseUp(state, nowMs);
      // What does not arrive ends with the lease.
      if (call !== undefined) await run(state, call, leasedTokens).catch(() => undefined);
    },
    stopLeasing() {
      mayLease = false;
    },
  };
}

/**
 * Error replies are logged once a minute, not with every decision, and whatever other keys are answered meanwhile: one
 * broken key among healthy ones must not fill the log. A Valkey that is away is its client's to report.
 */
function createRefusalLog({ logger, clock }: ValkeyCallsOptions): { note(err: unknown): void } {
  let loggedMs = Number.NEGATIVE_INFINITY;
  return {
    note(err) {
      if (isWeirError(err, 'VALKEY_TIMEOUT') || isWeirError(err, 'VALKEY_UNAVAILABLE')) return;
      const nowMs = clock.monotonicMs();
      if (nowMs - loggedMs < REFUSAL_LOG_PERIOD_MS) return;
      loggedMs = nowMs;
      logger.error({ err }, 'valkey refuses the decision script: policies say what happens');
    },
  };
}

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
