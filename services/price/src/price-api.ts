/** What the routes share: the parts a request passes through, and the two ways in which it ends. */
import { errorCatalogue } from '@weir/errors';
import { sendProblem, type ProblemSource } from '@weir/http';
import type { Decision, Limiter } from '@weir/limiter';
import type { Tracing } from '@weir/telemetry';
import type { FastifyReply } from 'fastify';
import type { Authorize } from './authorize.ts';
import { describeDenial, limitHeader } from './limit-headers.ts';
import type { PriceMetrics } from './metrics.ts';
import type { Access } from './policy-directory.ts';
import type { OnDemandAssets } from './on-demand.ts';
import type { PriceTable } from './price-table.ts';
import type { PriceReader } from './read-price.ts';

export interface PriceApi {
  readonly authorize: Authorize;
  readonly limiter: Limiter;
  readonly table: PriceTable;
  readonly reader: PriceReader;
  readonly onDemand: OnDemandAssets;
  readonly metrics: PriceMetrics;
  readonly tracing: Tracing;
  readonly serverTimeMs: () => number;
}

/** A key that may go on, and what its limits said. */
export interface Admission {
  readonly access: Access;
  /** `undefined` when nothing was charged. */
  readonly decision: Decision | undefined;
}

/** A decision for keys whose rate nothing limits. */
export const UNLIMITED: Decision = { admitted: true, limit: undefined, remaining: 0, resetMs: 0, basis: 'lease' };

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

export interface Answer extends Admission {
  readonly body: string;
  /** Of the body in UTF-8. Counting them costs a copy of the text, so they come from whoever knows them. */
  readonly bytes: number;
}

/**
 * Answers 200, past Fastify's own sending: none of its hooks and serializers has anything to do here, and together they
 * cost a twelfth of the whole request.
 */
export function sendJson(api: PriceApi, reply: FastifyReply, { body, bytes, access, decision }: Answer): void {
  api.metrics.answered.add();
  const headers = ['content-type', JSON_MEDIA_TYPE, 'cache-control', 'private'];
  if (decision !== undefined && access.policyHeader !== '')
    headers.push('ratelimit-policy', access.policyHeader, 'ratelimit', limitHeader(decision));
  headers.push('content-length', String(bytes));
  reply.hijack();
  // One byte for each character: the same bytes in both encodings, and Latin-1 is written without a conversion.
  reply.raw.writeHead(200, headers).end(body, bytes === body.length ? 'latin1' : 'utf8');
}

/** Answers with a problem. */
export function refuse(api: PriceApi, reply: FastifyReply, problem: ProblemSource, admission?: Admission): void {
  const isServerError = errorCatalogue[problem.code].status >= 500;
  (isServerError ? api.metrics.refused5xx : api.metrics.refused4xx).add();
  if (admission?.decision !== undefined && admission.access.policyHeader !== '')
    reply
      .header('ratelimit-policy', admission.access.policyHeader)
      .header('ratelimit', limitHeader(admission.decision));
  void sendProblem(reply, problem);
}

export function countDecision(metrics: PriceMetrics, decision: Decision): void {
  if (decision.admitted) {
    metrics.admitted.add();
    if (decision.limit !== undefined) metrics.dryRunRefusals.add();
  } else {
    (decision.limit === 'bucket' ? metrics.rateLimited : metrics.limiterUnavailable).add();
  }
}

/** Counts a decision; true when the call may go on, else it has been answered. */
export function passDecision(api: PriceApi, reply: FastifyReply, access: Access, decision: Decision): boolean {
  countDecision(api.metrics, decision);
  if (decision.admitted) return true;
  const isLimited = decision.limit === 'bucket';
  const { problem, retryAfterSeconds } = describeDenial(access, decision, api.serverTimeMs());
  reply.header('retry-after', String(retryAfterSeconds));
  refuse(api, reply, problem, { access, decision: isLimited ? decision : undefined });
  return false;
}
