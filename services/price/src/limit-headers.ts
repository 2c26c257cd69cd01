/** How a limit is told to the caller: `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11, and the problem of a denial. */
import type { ProblemSource } from '@weir/http';
import type { Decision, SlotRefusal } from '@weir/limiter';
import { BUCKET_NAME, bucketWindowSeconds, type Access } from './policy-directory.ts';

type Denied = Extract<Decision, { admitted: false }>;

const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
const REDUCED_CAPACITY = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity';

/** Headers know whole seconds only; rounded up, so that whoever waits so long finds a token. */
const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));

/** The `RateLimit` header: what is left, and the time within which no more than that may be used. */
export function limitHeader(decision: Decision): string {
  const seconds = wholeSeconds(decision.admitted ? decision.resetMs : decision.retryAfterMs);
  return `"${BUCKET_NAME}";r=${remainingOf(decision)};t=${seconds}`;
}

/** A refusal by the local share says nothing of the bucket, which nobody can see then. */
function remainingOf(decision: Decision): number {
  return !decision.admitted && decision.basis === 'fallback' ? 0 : decision.remaining;
}

export interface Denial {
  readonly problem: ProblemSource;
  /** `Retry-After`: the same instant as `t` of `RateLimit` and `reset` of the problem. */
  readonly retryAfterSeconds: number;
}

export function describeDenial({ decide }: Pick<Access, 'decide'>, denied: Denied, serverNowMs: number): Denial {
  const retryAfterSeconds = wholeSeconds(denied.retryAfterMs);
  if (denied.limit === 'unavailable' || decide === undefined) {
    const extensions = { 'violated-policies': [], retry_after_seconds: retryAfterSeconds };
    return { problem: { code: 'LIMITER_UNAVAILABLE', type: REDUCED_CAPACITY, extensions }, retryAfterSeconds };
  }
  const { burst, ratePerSecond } = decide.bucket;
  const remaining = remainingOf(denied);
  const extensions = {
    'violated-policies': [BUCKET_NAME],
    limit: BUCKET_NAME,
    quota: burst,
    window_seconds: bucketWindowSeconds(decide.bucket),
    used: burst - remaining,
    // Nothing is held of a bucket: a call is debited at once.
    held: 0,
    remaining,
    reset: new Date(serverNowMs + retryAfterSeconds * 1_000).toISOString(),
    retry_after_seconds: retryAfterSeconds,
  };
  const detail = `The limit "${BUCKET_NAME}" of ${burst} calls, refilled at ${ratePerSecond} a second, is used up.`;
  return { problem: { code: 'RATE_LIMITED', type: QUOTA_EXCEEDED, detail, extensions }, retryAfterSeconds };
}

/** When a stream ends nobody can know; asking more often finds it no sooner than by chance. */
const SLOT_RETRY_SECONDS = 5;

/** A stream that was not opened, or does not go on, for want of a slot. */
export function describeNoSlot(limit: number, refused: SlotRefusal, serverNowMs: number): Denial {
  const retryAfterSeconds = SLOT_RETRY_SECONDS;
  if (refused.limit === 'unavailable') {
    const extensions = { 'violated-policies': [], retry_after_seconds: retryAfterSeconds };
    return { problem: { code: 'LIMITER_UNAVAILABLE', type: REDUCED_CAPACITY, extensions }, retryAfterSeconds };
  }
  const extensions = {
    'violated-policies': ['concurrency'],
    limit: 'concurrency',
    quota: limit,
    used: refused.used,
    held: refused.used,
    remaining: 0,
    reset: new Date(serverNowMs + retryAfterSeconds * 1_000).toISOString(),
    retry_after_seconds: retryAfterSeconds,
  };
  const detail = `The limit "concurrency" of ${limit} open streams is used up.`;
  return { problem: { code: 'RATE_LIMITED', type: QUOTA_EXCEEDED, detail, extensions }, retryAfterSeconds };
}
