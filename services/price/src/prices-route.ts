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
import type { Decision } from '@weir/limiter';
import { findOnDemand } from './on-demand.ts';
import type { Access } from './policy-directory.ts';
import { passDecision, refuse, sendJson, UNLIMITED, type PriceApi } from './price-api.ts';
import type { Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderFetched, renderPrice } from './render-price.ts';
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
  const found = await findAll(api, assets, access);
  // What may have to be fetched is paid for first: nobody makes venues be asked beyond their limits.
  const paid = mayFetch(api, found) ? await pay(api, access, countSlots(found)) : undefined;
  if (paid !== undefined && !passDecision(api, reply, access, paid)) return;
  const results = await readAll(api, found, access);
  const prices = results.flatMap(({ body }) => (typeof body === 'string' ? [body] : []));
  const errors = results.flatMap(({ asset, body }) => (typeof body === 'string' ? [] : [assetError(asset, body)]));
  const [first] = errors;
  if (prices.length === 0 && first !== undefined) {
    const { code } = first;
    const problem = { code, detail: 'None of the assets can be answered.', extensions: { errors } };
    return refuse(api, reply, problem, paid && { access, decision: paid });
  }
  const decision = paid ?? (await pay(api, access, prices.length));
  if (paid === undefined && !passDecision(api, reply, access, decision)) return;
  const body = `{"prices":[${prices.join(',')}],"errors":${JSON.stringify(errors)}}`;
  sendJson(api, reply, { body, bytes: Buffer.byteLength(body), access, decision });
}

async function pay(api: PriceApi, access: Access, cost: number): Promise<Decision> {
  return access.decide === undefined ? UNLIMITED : api.limiter.decide({ ...access.decide, cost });
}

interface Found {
  readonly asset: string;
  readonly slot: Slot | Refusal;
}

function findAll(api: PriceApi, assets: readonly string[], access: Access): Promise<readonly Found[]> {
  const find = async (asset: string): Promise<Found> => {
    const slot = findSlot(api.table, asset, access);
    if (!(slot instanceof Refusal)) return { asset, slot };
    return { asset, slot: (await findOnDemand(api.onDemand, asset, access, slot)) ?? slot };
  };
  return Promise.all(assets.map(find));
}

function mayFetch({ reader, serverTimeMs }: PriceApi, found: readonly Found[]): boolean {
  const serverNowMs = serverTimeMs();
  return found.some(({ slot }) => !(slot instanceof Refusal) && reader.mayFetch(slot, ageMsOf(slot, serverNowMs)));
}

function countSlots(found: readonly Found[]): number {
  return found.filter(({ slot }) => !(slot instanceof Refusal)).length;
}

interface Result {
  readonly asset: string;
  readonly body: string | Refusal;
}

async function readAll(api: PriceApi, found: readonly Found[], access: Access): Promise<readonly Result[]> {
  const held = new Map<Slot, Slot['record']>();
  const fetched = new Set<Slot>();
  const serverNowMs = api.serverTimeMs();
  const checks: Promise<unknown>[] = [];
  for (const { slot } of found) {
    if (slot instanceof Refusal) continue;
    held.set(slot, slot.record);
    slot.lastAskedMs = serverNowMs;
    const check = api.reader.check(slot, ageMsOf(slot, serverNowMs));
    if (check !== undefined) checks.push(check.then((isFetched) => isFetched && fetched.add(slot)));
  }
  await Promise.all(checks);
  for (const [slot, record] of held) countTier(api.metrics, slot, record, fetched.has(slot));
  const answeredMs = api.serverTimeMs();
  return found.map(({ asset, slot }) => {
    if (slot instanceof Refusal) return { asset, body: slot };
    const ageMs = ageMsOf(slot, answeredMs);
    return { asset, body: (fetched.has(slot) ? renderFetched : renderPrice)(slot, access, ageMs, api.metrics) };
  });
}

function assetError(
  asset: string,
  { problem }: Refusal,
): { asset: string; code: ProblemSource['code']; detail: string } {
  const { code, detail } = problemOf(problem);
  return { asset, code, detail };
}
