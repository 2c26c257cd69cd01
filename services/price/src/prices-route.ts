/**
 * GET /prices: up to 100 assets at once, charged for those that are answered.
 *
 * What it will cost is known only after reading, so it reads first: that burdens Valkey no more than `read-price` allows
 * for each pair, whoever asks. A request that nothing can be answered of is a problem and costs nothing.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { problemOf, type ProblemSource } from '@weir/http';
import { faultOf, namedAssets } from './name-assets.ts';
import type { Access } from './policy-directory.ts';
import { passDecision, refuse, sendJson, UNLIMITED, type PriceApi } from './price-api.ts';
import type { Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderPrice } from './render-price.ts';
import { AssetList, chargedAnswers, PricesAnswer } from './schemas.ts';
import { inSpan, startRequestSpan } from './trace-request.ts';

const schema = {
  summary: 'The prices of several assets',
  description: 'Partial: what cannot be answered is listed with its reason. Costs one call for each price answered.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  ...chargedAnswers,
  querystring: Type.Object({ assets: AssetList }),
  response: { 200: PricesAnswer },
};

export function addPricesRoute(server: FastifyInstance, api: PriceApi): void {
  server.withTypeProvider<TypeBoxTypeProvider>().get('/prices', { schema }, (request, reply) => {
    const run = (): Promise<void> => serve(api, reply, request.query.assets, request.headers.authorization);
    const span = startRequestSpan(api.tracing, 'GET /prices', request);
    return span === undefined ? run() : inSpan(span, run);
  });
}

async function serve(api: PriceApi, reply: FastifyReply, list: string, header: string | undefined): Promise<void> {
  const access = await api.authorize(header);
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const assets = namedAssets(list);
  const fault = faultOf(assets, access);
  if (fault !== undefined) return refuse(api, reply, fault);
  const results = await readAll(api, assets, access);
  const prices = results.flatMap(({ body }) => (typeof body === 'string' ? [body] : []));
  const errors = results.flatMap(({ asset, body }) => (typeof body === 'string' ? [] : [assetError(asset, body)]));
  const [first] = errors;
  if (prices.length === 0 && first !== undefined) {
    const { code } = first;
    return refuse(api, reply, { code, detail: 'None of the assets can be answered.', extensions: { errors } });
  }
  const cost = prices.length;
  const decision = access.decide === undefined ? UNLIMITED : await api.limiter.decide({ ...access.decide, cost });
  if (!passDecision(api, reply, access, decision)) return;
  const body = `{"prices":[${prices.join(',')}],"errors":${JSON.stringify(errors)}}`;
  sendJson(api, reply, { body, bytes: Buffer.byteLength(body), access, decision });
}

interface Result {
  readonly asset: string;
  readonly body: string | Refusal;
}

async function readAll(api: PriceApi, assets: readonly string[], access: Access): Promise<readonly Result[]> {
  const found = assets.map((asset) => ({ asset, slot: findSlot(api.table, asset, access) }));
  const held = new Map<Slot, Slot['record']>();
  const serverNowMs = api.serverTimeMs();
  const checks: Promise<boolean>[] = [];
  for (const { slot } of found) {
    if (slot instanceof Refusal) continue;
    held.set(slot, slot.record);
    slot.lastAskedMs = serverNowMs;
    const check = api.reader.check(slot, ageMsOf(slot, serverNowMs));
    if (check !== undefined) checks.push(check);
  }
  await Promise.all(checks);
  for (const [slot, record] of held) countTier(api.metrics, slot, record);
  const answeredMs = api.serverTimeMs();
  return found.map(({ asset, slot }) => {
    if (slot instanceof Refusal) return { asset, body: slot };
    return { asset, body: renderPrice(slot, access, ageMsOf(slot, answeredMs), api.metrics) };
  });
}

function assetError(
  asset: string,
  { problem }: Refusal,
): { asset: string; code: ProblemSource['code']; detail: string } {
  const { code, detail } = problemOf(problem);
  return { asset, code, detail };
}
