/** Errors as answers: application/problem+json of RFC 9457. */
import { errorCatalogue, type ErrorCode } from '@weir/errors';
import type { FastifyReply } from 'fastify';

/** What an answer needs of a WeirError, so that an expected refusal costs no stack trace. */
export interface ProblemSource {
  readonly code: ErrorCode;
  /** A registered problem type, where there is one; the code's entry on the docs page by default. */
  readonly type?: string | undefined;
  /** The title of the code by default. */
  readonly detail?: string | undefined;
  /** Further members of the document. */
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

export interface Problem extends Readonly<Record<string, unknown>> {
  /** Of IANA's registry, or leading to the code's entry on the docs page of the same server. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly fix: string;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** When nothing better is known: short, since clients add their own backoff. */
const DEFAULT_RETRY_AFTER_SECONDS = '1';

export function problemOf({ code, type, detail, extensions }: ProblemSource): Problem {
  const { status, title, fix } = errorCatalogue[code];
  // Extensions come first so that none can replace a member that clients rely on.
  return { ...extensions, type: type ?? `/docs#${code}`, title, status, detail: detail ?? title, code, fix };
}

/** Answers with the problem; keeps headers that were set before, such as RateLimit and Retry-After. */
export function sendProblem(reply: FastifyReply, source: ProblemSource): FastifyReply {
  const problem = problemOf(source);
  reply.code(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).header('cache-control', 'no-store');
  if (problem.status === 401) reply.header('www-authenticate', challengeOf(source.code));
  if (problem.status === 503 && !reply.hasHeader('retry-after'))
    reply.header('retry-after', DEFAULT_RETRY_AFTER_SECONDS);
  // A serializer of the route would be for its own answers; a text passes it by.
  return reply.serializer(asIs).send(JSON.stringify(problem));
}

function asIs(payload: unknown): string {
  return String(payload);
}

/** RFC 6750: no error is named when no key was sent. */
function challengeOf(code: ErrorCode): string {
  return code === 'KEY_MISSING' ? 'Bearer realm="weir"' : 'Bearer realm="weir", error="invalid_token"';
}
