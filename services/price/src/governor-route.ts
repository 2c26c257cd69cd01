/**
 * GET /v1/governor: how the venues that feeds name fare, by what all processes saw. Without a key, as /health and /metrics: it is
 * for whoever runs this, and says nothing of keys or callers. However often it is asked, Valkey is read once a second at most.
 */
import type { Clock } from '@weir/clock';
import { readStoredScope, type Governor, type GovernorScope, type StoredScope } from '@weir/governor';
import type { ValkeyClient } from '@weir/valkey';
import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { FeedState } from './price-table.ts';

export interface GovernorSource {
  readonly governor: Pick<Governor, 'views'>;
  readonly maxConcurrent: () => number;
  readonly client: Pick<ValkeyClient, 'call'>;
  readonly clock: Clock;
  readonly serverTimeMs: () => number;
  readonly feeds: () => Iterable<Pick<FeedState, 'document'>>;
}

const Upstream = Type.Object({
  scope: Type.String({ description: 'lpo:<venue>' }),
  throttled: Type.Boolean({ description: 'Whether it counts as struggling.' }),
  shed_probability: Type.Number({ description: 'Share of requests that are not sent, 0 to 0.95.' }),
  successes: Type.Integer(),
  total: Type.Integer({ description: 'Requests really sent by all processes within the window.' }),
  success_rate: Type.Union([Type.Number(), Type.Null()], { description: 'null without a request.' }),
  send_rate: Type.Union([Type.Number(), Type.Null()], {
    description: 'Requests per second of all processes at most, since it said "too many"; null: as many as there are.',
  }),
  in_flight: Type.Integer({ description: 'Of this process.' }),
  basis: Type.Enum(['cluster', 'local'], { description: 'local: by the counts of this process alone.' }),
});

const GovernorAnswer = Type.Object(
  {
    window_seconds: Type.Integer(),
    max_concurrent: Type.Integer({ description: 'Requests of one process in flight to one upstream, at most.' }),
    upstreams: Type.Array(Upstream),
  },
  { description: 'Every venue that a feed names' },
);

const schema = {
  summary: 'How upstreams fare, and what is held back from them',
  tags: ['operations'],
  response: { 200: GovernorAnswer },
};

const WINDOW_SECONDS = 30;
const READ_AGAIN_MS = 1_000;

export function addGovernorRoute(server: FastifyInstance, source: GovernorSource): void {
  const readStored = createStoredReader(source);
  server.get('/v1/governor', { schema }, async (): Promise<Static<typeof GovernorAnswer>> => {
    const stored = await readStored();
    const views = new Map(source.governor.views().map((view) => [view.scope, view]));
    const scopes = new Set([...scopesOf(source), ...views.keys()]);
    const upstreams = [...scopes].toSorted().map((scope) => describe(scope, stored, views.get(scope)));
    return { window_seconds: WINDOW_SECONDS, max_concurrent: source.maxConcurrent(), upstreams };
  });
}

type Stored = ReadonlyMap<GovernorScope, StoredScope | undefined>;

/** Once a second at most, and once for all who ask meanwhile; empty while Valkey does not answer. */
function createStoredReader(source: GovernorSource): () => Promise<Stored> {
  const { client, clock, serverTimeMs } = source;
  let readMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<Stored> = Promise.resolve(new Map());
  const read = async (): Promise<Stored> => {
    try {
      const scopes = [...scopesOf(source)];
      return new Map(
        await Promise.all(
          scopes.map(async (scope) => [scope, await readStoredScope(client, scope, serverTimeMs())] as const),
        ),
      );
    } catch {
      return new Map();
    }
  };
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - readMs >= READ_AGAIN_MS) {
      readMs = nowMs;
      reading = read();
    }
    return reading;
  };
}

function scopesOf({ feeds }: GovernorSource): ReadonlySet<GovernorScope> {
  const venues = [...feeds()].flatMap(({ document }) => document.sources.map(({ exchange }) => exchange));
  return new Set(venues.map((venue): GovernorScope => `lpo:${venue}`));
}

type View = ReturnType<Governor['views']>[number];

/** A process that uses the upstream knows more than is stored: its view is of this moment. */
function describe(scope: GovernorScope, stored: Stored, view: View | undefined): Static<typeof Upstream> {
  const agreed = stored.get(scope);
  // Valkey was read and has nothing of it: nobody calls it. A view that says nothing either is old for that reason alone.
  const isIdle = stored.has(scope) && agreed === undefined && view?.total === 0 && view.shedProbability === 0;
  const isOwn = view !== undefined && (view.basis === 'cluster' || (agreed === undefined && !isIdle));
  const known = isOwn ? view : agreed;
  const { successes = 0, total = 0 } = known ?? {};
  return {
    scope,
    throttled: known?.isThrottled ?? false,
    shed_probability: known?.shedProbability ?? 0,
    successes,
    total,
    success_rate: total === 0 ? null : Math.round((successes / total) * 1_000) / 1_000,
    send_rate: known?.sendRate ?? null,
    in_flight: view?.inFlight ?? 0,
    basis: isOwn ? view.basis : 'cluster',
  };
}
