/** What the routes share: the parts a request passes through, and the two ways in which it ends. */
import type { Clock } from '@weir/clock';
import { errorCatalogue } from '@weir/errors';
import { sendProblem, type ProblemSource } from '@weir/http';
import type { Decision, Limiter } from '@weir/limiter';
import type { Tracing } from '@weir/telemetry';
import type { FastifyReply } from 'fastify';
import type { Authorize } from './authorize.ts';
import { addLimitHeaders, describeDenial } from './limit-headers.ts';
import type { PriceMetrics } from './metrics.ts';
import type { Access } from './policy-directory.ts';
import type { PriceTable } from './price-table.ts';
import type { PriceReader } from './read-price.ts';

export interface PriceApi {
  readonly authorize: Authorize;
  readonly limiter: Limiter;
  readonly table: PriceTable;
  readonly reader: PriceReader;
  readonly metrics: PriceMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly serverTimeMs: () => number;
}

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** A decision for keys whose rate nothing limits. */
export const UNLIMITED: Decision = {
  admitted: true,
  limit: undefined,
  remaining: 0,
  resetMs: 0,
  basis: 'lease',
};

/** Answers 200. */
export function sendJson(api: PriceApi, reply: FastifyReply, body: string): void {
  api.metrics.answered.add();
  // A text with a content type goes out as it is, past Fastify's serializers.
  void reply.header('content-type', JSON_MEDIA_TYPE).header('cache-control', 'private').send(body);
}

/** Answers with a problem. */
export function refuse(api: PriceApi, reply: FastifyReply, problem: ProblemSource): void {
  const isServerError = errorCatalogue[problem.code].status >= 500;
  (isServerError ? api.metrics.refused5xx : api.metrics.refused4xx).add();
  void sendProblem(reply, problem);
}

/** Counts a decision and tells it in headers; true when the call may go on, else it has been answered. */
export function passDecision(api: PriceApi, reply: FastifyReply, access: Access, decision: Decision): boolean {
  const { metrics } = api;
  if (decision.admitted) {
    metrics.admitted.add();
    if (decision.limit !== undefined) metrics.dryRunRefusals.add();
    addLimitHeaders(reply, access, decision);
    return true;
  }
  (decision.limit === 'unavailable' ? metrics.limiterUnavailable : metrics.rateLimited).add();
  refuse(api, reply, describeDenial(reply, access, decision, api.serverTimeMs()));
  return false;
}
