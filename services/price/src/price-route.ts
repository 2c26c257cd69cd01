/**
 * GET /price: the hot path. With the key in memory, a lease in hand and a current price, nothing is awaited and nothing
 * allocated but the texts of the answer; whatever has to wait leaves this path at that point.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { Access } from './policy-directory.ts';
import { passDecision, refuse, sendJson, UNLIMITED, type PriceApi } from './price-api.ts';
import type { Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderPrice } from './render-price.ts';
import { AssetText, PriceAnswer } from './schemas.ts';
import { inSpan, startRequestSpan } from './trace-request.ts';

const schema = {
  summary: 'The price of one asset',
  description: 'The newest known price with its true age. Costs one call.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  querystring: Type.Object({ asset: AssetText }),
  response: { 200: PriceAnswer },
};

type Ending = void | Promise<void>;

export function addPriceRoute(server: FastifyInstance, api: PriceApi): void {
  server.withTypeProvider<TypeBoxTypeProvider>().get('/price', { schema }, (request, reply) => {
    const span = startRequestSpan(api.tracing, 'GET /price', request);
    const { authorization } = request.headers;
    const { asset } = request.query;
    if (span === undefined) return authorize(api, reply, asset, authorization);
    return inSpan(span, () => authorize(api, reply, asset, authorization));
  });
}

function authorize(api: PriceApi, reply: FastifyReply, asset: string, header: string | undefined): Ending {
  const access = api.authorize(header);
  if (access instanceof Promise) return access.then((late) => decide(api, reply, asset, late));
  return decide(api, reply, asset, access);
}

function decide(api: PriceApi, reply: FastifyReply, asset: string, access: Access | Refusal): Ending {
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const slot = findSlot(api.table, asset, access);
  if (slot instanceof Refusal) return refuse(api, reply, slot.problem);
  const decision = access.decide === undefined ? UNLIMITED : api.limiter.decide(access.decide);
  if (decision instanceof Promise)
    return decision.then((late) => {
      if (passDecision(api, reply, access, late)) return read(api, reply, slot, access);
    });
  if (passDecision(api, reply, access, decision)) return read(api, reply, slot, access);
}

function read(api: PriceApi, reply: FastifyReply, slot: Slot, access: Access): Ending {
  const { record } = slot;
  slot.lastAskedMs = api.clock.monotonicMs();
  const ageMs = ageMsOf(slot, api.serverTimeMs());
  const check = api.reader.check(slot, ageMs);
  if (check === undefined) {
    countTier(api.metrics, slot, record);
    return answer(api, reply, renderPrice(slot, access, ageMs, api.metrics));
  }
  return check.then(() => {
    countTier(api.metrics, slot, record);
    answer(api, reply, renderPrice(slot, access, ageMsOf(slot, api.serverTimeMs()), api.metrics));
  });
}

function answer(api: PriceApi, reply: FastifyReply, body: string | Refusal): void {
  if (body instanceof Refusal) refuse(api, reply, body.problem);
  else sendJson(api, reply, body);
}
