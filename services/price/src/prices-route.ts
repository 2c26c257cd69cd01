/**
 * GET /prices: up to 100 assets at once, charged for those that are answered.
 *
 * What it will cost is known only after reading, so it reads first: that burdens Valkey no more than `read-price` allows
 * for each pair, whoever asks, and venues no more than the key could pay for. A request that nothing can be answered of is a
 * problem and costs nothing.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { problemOf, type ProblemSource } from '@weir/http';
import { faultOf, namedAssets } from './name-assets.ts';
import type { Decision } from '@weir/limiter';
import { createCostForesight, type CostForesight } from './foresee-cost.ts';
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
  const foresight = createCostForesight(api.limiter);
  server.withTypeProvider<TypeBoxTypeProvider>().get('/prices', { schema }, (request, reply) => {
    const asked = { list: request.query.assets, header: request.headers.authorization };
    const run = (): Promise<void> => serve(api, foresight, reply, asked);
    const span = startRequestSpan(api.tracing, 'GET /prices', request);
    return span === undefined ? run() : inSpan(span, run);
  });
}

async function serve(
  api: PriceApi,
  foresight: CostForesight,
  reply: FastifyReply,
  { list, header }: Asked,
): Promise<void> {
  const access = await api.authorize(header);
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const assets = namedAssets(list);
  const fault = faultOf(assets, access);
  if (fault !== undefined) return refuse(api, reply, fault);
  const found = await findAll(api, assets, access);
  const cost = costOfFetching(api, found);
  const release = cost === 0 ? undefined : await foresight.hold(access, cost);
  if (typeof release === 'object') return void passDecision(api, reply, access, release);
  try {
    await answer(api, reply, access, await readAll(api, found, access));
  } finally {
    release?.();
  }
}

async function answer(api: PriceApi, reply: FastifyReply, access: Access, results: readonly Result[]): Promise<void> {
  const prices = results.flatMap(({ body }) => (typeof body === 'string' ? [body] : []));
  const errors = results.flatMap(({ asset, body }) => (typeof body === 'string' ? [] : [assetError(asset, body)]));
  const [first] = errors;
  if (prices.length === 0 && first !== undefined) {
    const { code } = first;
    return refuse(api, reply, { code, detail: 'None of the assets can be answered.', extensions: { errors } });
  }
  const decision = await pay(api, access, prices.length);
  if (!passDecision(api, reply, access, decision)) return;
  const body = `{"prices":[${prices.join(',')}],"errors":${JSON.stringify(errors)}}`;
  sendJson(api, reply, { body, bytes: Buffer.byteLength(body), access, decision });
}

async function pay(api: PriceApi, access: Access, cost: number): Promise<Decision> {
  return access.decide === undefined ? UNLIMITED : api.limiter.decide({ ...access.decide, cost });
}

interface Asked {
  readonly list: string;
  readonly header: string | undefined;
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

/** What the request may cost at most if something of it has to be fetched from a venue; else 0. */
function costOfFetching({ reader, serverTimeMs }: PriceApi, found: readonly Found[]): number {
  const serverNowMs = serverTimeMs();
  const slots = found.flatMap(({ slot }) => (slot instanceof Refusal ? [] : [slot]));
  const due = new Set(slots.filter((slot) => reader.mayFetch(slot, ageMsOf(slot, serverNowMs))));
  return due.size === 0 ? 0 : slots.filter((slot) => slot.record !== undefined || due.has(slot)).length;
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
