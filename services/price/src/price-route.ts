/**
 * GET /price: the hot path. With the key in memory, a lease in hand and a current price nothing is awaited; whatever has
 * to wait leaves the path at that point. The parameter is not validated first: one that names a pair needs no validation,
 * and what is wrong with any other is found out then.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { findOnDemand } from './on-demand.ts';
import type { Access } from './policy-directory.ts';
import { passDecision, refuse, sendJson, UNLIMITED, type Admission, type PriceApi } from './price-api.ts';
import type { Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderFetched, renderPrice } from './render-price.ts';
import { AssetText, chargedAnswers, PriceAnswer } from './schemas.ts';
import { inSpan, startRequestSpan } from './trace-request.ts';

const schema = {
  summary: 'The price of one asset',
  description: 'The newest known price with its true age. Costs one call.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  ...chargedAnswers,
  querystring: Type.Object({ asset: AssetText }),
  response: { 200: PriceAnswer },
};

/** Checks nothing: see above. The schema is for the description of the API. */
const validatorCompiler = () => (): boolean => true;

type Ending = void | Promise<void>;

export function addPriceRoute(server: FastifyInstance, api: PriceApi): void {
  server.get<{ Querystring: { asset?: unknown } }>('/price', { schema, validatorCompiler }, (request, reply) => {
    const span = startRequestSpan(api.tracing, 'GET /price', request);
    const { authorization } = request.headers;
    const { asset } = request.query;
    if (span === undefined) return authorize(api, reply, asset, authorization);
    return inSpan(span, () => authorize(api, reply, asset, authorization));
  });
}

function authorize(api: PriceApi, reply: FastifyReply, asset: unknown, header: string | undefined): Ending {
  const access = api.authorize(header);
  if (access instanceof Promise) return access.then((late) => decide(api, reply, asset, late));
  return decide(api, reply, asset, access);
}

function decide(api: PriceApi, reply: FastifyReply, asset: unknown, access: Access | Refusal): Ending {
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const slot = findSlot(api.table, asset, access);
  if (!(slot instanceof Refusal)) return admit(api, reply, slot, access);
  const finding = findOnDemand(api.onDemand, asset, access, slot);
  if (finding === undefined) return refuse(api, reply, slot.problem);
  return finding.then((found) => {
    if (found instanceof Refusal) refuse(api, reply, found.problem);
    else return admit(api, reply, found, access);
  });
}

function admit(api: PriceApi, reply: FastifyReply, slot: Slot, access: Access): Ending {
  const decision = access.decide === undefined ? UNLIMITED : api.limiter.decide(access.decide);
  if (!(decision instanceof Promise)) {
    if (passDecision(api, reply, access, decision)) return read(api, reply, slot, { access, decision });
    return;
  }
  return decision.then((late) => {
    if (passDecision(api, reply, access, late)) return read(api, reply, slot, { access, decision: late });
  });
}

function read(api: PriceApi, reply: FastifyReply, slot: Slot, admission: Admission): Ending {
  const { record } = slot;
  const serverNowMs = api.serverTimeMs();
  slot.lastAskedMs = serverNowMs;
  const ageMs = ageMsOf(slot, serverNowMs);
  const check = api.reader.check(slot, ageMs);
  if (check === undefined) {
    countTier(api.metrics, slot, record);
    return answer(api, reply, { slot, ageMs, admission, isFetched: false });
  }
  return check.then((isFetched) => {
    countTier(api.metrics, slot, record, isFetched);
    answer(api, reply, { slot, ageMs: ageMsOf(slot, api.serverTimeMs()), admission, isFetched });
  });
}

interface Read {
  readonly slot: Slot;
  readonly ageMs: number;
  readonly admission: Admission;
  readonly isFetched: boolean;
}

function answer(api: PriceApi, reply: FastifyReply, { slot, ageMs, admission, isFetched }: Read): void {
  const { access, decision } = admission;
  const body = (isFetched ? renderFetched : renderPrice)(slot, access, ageMs, api.metrics);
  if (body instanceof Refusal) refuse(api, reply, body.problem, admission);
  else sendJson(api, reply, { body, bytes: body.length + slot.headExtraBytes, access, decision });
}
