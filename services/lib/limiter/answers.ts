/** Puts decisions into words, and counts each one as it does. */
import type { Basis, DecideRequest, Decision } from './decision.ts';
import { localShare, takeLocally, type KeyState } from './key-state.ts';
import type { LimiterMetrics } from './limiter-metrics.ts';

export interface Answers {
  admit(state: KeyState, basis: Basis): Decision;
  /** By the bucket, which a dry run only notes. */
  refuse(state: KeyState, request: DecideRequest, basis: Basis, retryAfterMs: number): Decision;
  /** What the policy wants when Valkey cannot be asked. */
  fallBack(state: KeyState, request: DecideRequest, nowMs: number): Decision;
}

/** What a caller is told to wait when nobody can know how long. */
const UNAVAILABLE_RETRY_MS = 1_000;

export function createAnswers({ decisions }: LimiterMetrics, livePods: () => number): Answers {
  const admit = (state: KeyState, basis: Basis): Decision => {
    decisions.admitted[basis].add();
    const { burst, tokensPerMs } = state.terms;
    const remaining = Math.min(burst, state.level + state.leasedTokens);
    return { admitted: true, limit: undefined, remaining, resetMs: (burst - remaining) / tokensPerMs, basis };
  };
  const refuse = (state: KeyState, request: DecideRequest, basis: Basis, retryAfterMs: number): Decision => {
    const known = basis === 'fallback' ? state.localTokens : state.level + state.leasedTokens;
    // Less than was asked for, in whatever parts it may lie: a refusal that says there is enough contradicts itself.
    const remaining = Math.max(0, Math.min(state.terms.burst, request.cost - 1, Math.floor(known)));
    if (request.dryRun) {
      decisions.would_deny[basis].add();
      return { admitted: true, limit: 'bucket', remaining, resetMs: retryAfterMs, basis };
    }
    decisions.denied[basis].add();
    return { admitted: false, limit: 'bucket', remaining, retryAfterMs, basis };
  };
  const admitLocally = (state: KeyState): Decision => {
    decisions.admitted.fallback.add();
    const { burst, tokensPerMs } = localShare(state.terms, livePods());
    const remaining = Math.max(0, Math.floor(state.localTokens));
    const resetMs = (burst - state.localTokens) / tokensPerMs;
    return { admitted: true, limit: undefined, remaining, resetMs, basis: 'fallback' };
  };
  const fallBack = (state: KeyState, request: DecideRequest, nowMs: number): Decision => {
    if (request.onValkeyFailure === 'Deny' && !request.dryRun) {
      decisions.unavailable.fallback.add();
      const retryAfterMs = UNAVAILABLE_RETRY_MS;
      return { admitted: false, limit: 'unavailable', remaining: 0, retryAfterMs, basis: 'fallback' };
    }
    if (request.onValkeyFailure === 'LocalLimit') {
      const waitMs = takeLocally(state, request.cost, livePods(), nowMs);
      return waitMs > 0 ? refuse(state, request, 'fallback', waitMs) : admitLocally(state);
    }
    return admit(state, 'fallback');
  };
  return { admit, refuse, fallBack };
}
