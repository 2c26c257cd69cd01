/**
 * GET /prices/stream: up to 100 pairs as server-sent events. Everything that can be refused is refused before the stream
 * starts, as a problem; afterwards the stream itself says why it ends.
 */
import type { ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { problemOf } from '@weir/http';
import { hashKeyText } from '@weir/keys';
import type { Decision, Slot as ConcurrencySlot, Slots } from '@weir/limiter';
import { bearerText, type Authorize } from './authorize.ts';
import { describeNoSlot, limitHeader } from './limit-headers.ts';
import { faultOf, namedAssets } from './name-assets.ts';
import type { Access } from './policy-directory.ts';
import { passDecision, refuse, UNLIMITED, type PriceApi } from './price-api.ts';
import type { ClientSink, PriceStreams } from './price-streams.ts';
import type { Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, findSlot } from './render-price.ts';
import { AssetList, streamAnswers } from './schemas.ts';

const schema = {
  summary: 'The prices of several assets as they change',
  description:
    'Server-sent events: "price" with a price as /price answers it, "unavailable" with asset and code, and "end" with the reason. ' +
    'Begins with the whole of what was asked for, also after a Last-Event-ID. Costs one call for each asset at the start and for each started minute.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  ...streamAnswers,
  querystring: Type.Object({ assets: AssetList }),
};

export interface StreamRoute {
  readonly streams: PriceStreams;
  readonly slots: Slots;
  /** Of the protocol sse. */
  readonly authorize: Authorize;
  readonly isDraining: () => boolean;
}

export function addStreamRoute(server: FastifyInstance, api: PriceApi, route: StreamRoute): void {
  server
    .withTypeProvider<TypeBoxTypeProvider>()
    // A HEAD would open a stream that nobody can read.
    .get('/prices/stream', { schema, exposeHeadRoute: false }, (request, reply) =>
      serve(api, route, reply, { list: request.query.assets, header: request.headers.authorization }),
    );
}

interface Asked {
  readonly list: string;
  readonly header: string | undefined;
}

async function serve(api: PriceApi, route: StreamRoute, reply: FastifyReply, asked: Asked): Promise<void> {
  const access = await route.authorize(asked.header);
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const assets = namedAssets(asked.list);
  const fault = faultOf(assets, access);
  if (fault !== undefined) return refuse(api, reply, fault);
  const slots = findAll(api, reply, assets, access);
  if (slots === undefined) return;
  if (isFull(api, route, reply, access)) return;
  const concurrency = await takeSlot(api, route, reply, access);
  if (concurrency === 'refused') return;
  const cost = slots.length;
  const decision = access.decide === undefined ? UNLIMITED : await api.limiter.decide({ ...access.decide, cost });
  await readStale(api, slots);
  // Somebody else may have taken the last place, and a stop may have begun, while this one waited.
  const isRefused = !passDecision(api, reply, access, decision) || isFull(api, route, reply, access);
  if (isRefused || reply.raw.destroyed) return concurrency?.release();
  const sha256 = hashKeyText(bearerText(asked.header) ?? '');
  const sink = startEvents(api, reply, access, decision);
  const leave = route.streams.open({ access, sha256, slots, concurrency, sink });
  reply.raw.once('close', leave);
}

/** True when there is no place for it, which has been answered then. */
function isFull(
  api: PriceApi,
  { streams, isDraining }: StreamRoute,
  reply: FastifyReply,
  { keyId, concurrency }: Access,
): boolean {
  const { keyStreamsMax } = streams;
  if (isDraining()) refuse(api, reply, { code: 'DRAINING' });
  else if (streams.isFull) refuse(api, reply, { code: 'STREAMS_FULL' });
  else if (concurrency === undefined && streams.countOf(keyId) >= keyStreamsMax) {
    const detail = `This server has ${keyStreamsMax} streams of this key open, and its policy does not say that it may have more.`;
    refuse(api, reply, { code: 'STREAMS_FULL', detail });
  } else return false;
  return true;
}

/** All of them: a stream that lacks one for good would look like one whose price never changes. */
function findAll(
  api: PriceApi,
  reply: FastifyReply,
  assets: readonly string[],
  access: Access,
): readonly Slot[] | undefined {
  const found = assets.map((asset) => ({ asset, slot: findStreamed(api, asset, access) }));
  const errors = found.flatMap(({ asset, slot }) => (slot instanceof Refusal ? [errorOf(asset, slot)] : []));
  const [first] = errors;
  if (first !== undefined) {
    refuse(api, reply, { code: first.code, detail: first.detail, extensions: { errors } });
    return undefined;
  }
  return found.flatMap(({ slot }) => (slot instanceof Refusal ? [] : [slot]));
}

/** What no feed keeps is fetched when somebody asks, and nobody would say when it changes. */
function findStreamed({ table }: PriceApi, asset: string, access: Access): Slot | Refusal {
  const slot = findSlot(table, asset, access);
  if (!access.onDemandAssets || !(slot instanceof Refusal) || slot.problem.code !== 'ASSET_UNKNOWN') return slot;
  const detail = `No feed carries ${asset}. Assets on demand are answered by GET /price, GET /prices and over UDP, not as streams.`;
  return new Refusal({ code: 'ASSET_UNKNOWN', detail });
}

function errorOf(asset: string, { problem }: Refusal) {
  const { code, detail } = problemOf(problem);
  return { asset, code, detail };
}

async function takeSlot(
  api: PriceApi,
  { slots }: StreamRoute,
  reply: FastifyReply,
  access: Access,
): Promise<ConcurrencySlot | 'refused' | undefined> {
  const { keyId, concurrency: limit, onValkeyFailure, isDryRun: dryRun } = access;
  if (limit === undefined) return undefined;
  const slot = await slots.acquire({ keyId, limit, onValkeyFailure, dryRun });
  if (slot.kind === 'held') {
    if (slot.isOverLimit) api.metrics.dryRunRefusals.add();
    return slot;
  }
  (slot.limit === 'concurrency' ? api.metrics.rateLimited : api.metrics.limiterUnavailable).add();
  const { problem, retryAfterSeconds } = describeNoSlot(limit, slot, api.serverTimeMs());
  reply.header('retry-after', String(retryAfterSeconds));
  refuse(api, reply, problem);
  return 'refused';
}

async function readStale(api: PriceApi, slots: readonly Slot[]): Promise<void> {
  const serverNowMs = api.serverTimeMs();
  const checks = slots.map((slot) => api.reader.check(slot, ageMsOf(slot, serverNowMs)));
  await Promise.all(checks.filter((check) => check !== undefined));
}

/** What a client waits before it connects again, unless the end says otherwise. */
const RETRY_MS = 1_000;

function startEvents(api: PriceApi, reply: FastifyReply, access: Access, decision: Decision): ClientSink {
  api.metrics.answered.add();
  // Not to be kept, nor collected into larger pieces on its way.
  const headers = ['content-type', 'text/event-stream', 'cache-control', 'no-store', 'x-accel-buffering', 'no'];
  if (access.policyHeader !== '')
    headers.push('ratelimit-policy', access.policyHeader, 'ratelimit', limitHeader(decision));
  reply.hijack();
  const response: ServerResponse = reply.raw;
  // What a broken connection says; its end is told by "close".
  response.on('error', () => undefined);
  response.writeHead(200, headers);
  response.write(`retry: ${RETRY_MS}\n\n`);
  return {
    get pendingBytes() {
      return response.writableLength;
    },
    write: (text) => void response.write(text),
    end: (text) => void response.end(text),
    destroy: () => void response.destroy(),
  };
}
