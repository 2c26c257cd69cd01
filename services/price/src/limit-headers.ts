/** How a limit is told to the caller: headers of draft-ietf-httpapi-ratelimit-headers-11, Retry-After and the problem. */
import type { Decision } from '@weir/limiter';
import type { ProblemSource } from '@weir/http';
import type { FastifyReply } from 'fastify';
import { BUCKET_NAME, bucketWindowSeconds, type Access } from './policy-directory.ts';

type Denied = Extract<Decision, { admitted: false }>;

const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
const REDUCED_CAPACITY = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity';

const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));

/** Headers of an admitted call; none when nothing limits the key. */
export function addLimitHeaders(reply: FastifyReply, access: Access, decision: Decision): void {
  if (access.policyHeader === '') return;
  const seconds = wholeSeconds(decision.admitted ? decision.resetMs : decision.retryAfterMs);
  reply.header('ratelimit-policy', access.policyHeader);
  reply.header('ratelimit', `"${BUCKET_NAME}";r=${decision.remaining};t=${seconds}`);
}

/** The problem of a denial. Sets `Retry-After` to the end of the window that `RateLimit` names: one instant, two spellings. */
export function describeDenial(
  reply: FastifyReply,
  access: Access,
  denied: Denied,
  serverNowMs: number,
): ProblemSource {
  const seconds = wholeSeconds(denied.retryAfterMs);
  reply.header('retry-after', String(seconds));
  if (denied.limit === 'unavailable' || access.decide === undefined) {
    return {
      code: 'LIMITER_UNAVAILABLE',
      type: REDUCED_CAPACITY,
      extensions: { 'violated-policies': [], retry_after_seconds: seconds },
    };
  }
  addLimitHeaders(reply, access, denied);
  const { bucket } = access.decide;
  return {
    code: 'RATE_LIMITED',
    type: QUOTA_EXCEEDED,
    detail: `The limit "${BUCKET_NAME}" of ${bucket.burst} calls, refilled at ${bucket.ratePerSecond} a second, is used up.`,
    extensions: {
      'violated-policies': [BUCKET_NAME],
      limit: BUCKET_NAME,
      quota: bucket.burst,
      window_seconds: bucketWindowSeconds(bucket),
      used: bucket.burst - denied.remaining,
      // Calls in flight hold nothing of a bucket: it is debited at once.
      held: 0,
      remaining: denied.remaining,
      reset: new Date(serverNowMs + seconds * 1_000).toISOString(),
      retry_after_seconds: seconds,
    },
  };
}
