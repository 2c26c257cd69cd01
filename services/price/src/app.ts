/**
 * The price oracle: authenticates, decides and serves prices from memory, with their true age.
 *
 * Guarantees: a request whose key is in memory, whose lease is in hand and whose price is current costs no I/O; a price
 * is never served without its true age; what is refused before the limits is not charged; Valkey away: prices in memory
 * are served and limits follow the policy's `onValkeyFailure`; Postgres away: only keys seen for the first time notice,
 * and they get 503, never 401; before the feeds and policies were read that an operator has published, everybody gets
 * 503, never 403 or 404; a process that stood still decides nothing by policies that are older than
 * that; a price that nobody has is asked of a venue once in the cluster, within the governor and the venue's quota. Does not:
 * follow venues, or make prices of several (feeds do).
 */
import type { Clock } from '@weir/clock';
import { reportStats } from '@weir/cluster';
import { createHttpServer } from '@weir/http';
import { createKeyCache } from '@weir/keys';
import type { Lifecycle } from '@weir/lifecycle';
import { createLimiter } from '@weir/limiter';
import type { Postgres } from '@weir/postgres';
import type { Logger, Telemetry } from '@weir/telemetry';
import { DEFAULT_DEADLINES, watchDocuments, type Valkey } from '@weir/valkey';
import type { Protocol } from '@weir/wire';
import type { FastifyInstance } from 'fastify';
import { addAssetsRoute } from './assets-route.ts';
import { createAuthorizer, type AuthorizerOptions } from './authorize.ts';
import { countForCluster } from './count-for-cluster.ts';
import { describeHealth } from './describe-health.ts';
import { followUpdates } from './follow-updates.ts';
import { addGovernorRoute } from './governor-route.ts';
import { createStallGuard } from './guard-stalls.ts';
import { createPriceMetrics, type PriceMetrics } from './metrics.ts';
import { createPolicyDirectory, type PolicyDirectory } from './policy-directory.ts';
import type { PriceApi } from './price-api.ts';
import { addPriceRoute } from './price-route.ts';
import { createPriceTable, type PriceTable } from './price-table.ts';
import { addPricesRoute } from './prices-route.ts';
import { readFeed, readPolicy } from './read-documents.ts';
import { createPriceReader, type PriceReader } from './read-price.ts';
import { createRereader } from './reread-prices.ts';
import { startFetching, type Fetching, type SharedUpstreams } from './start-fetching.ts';
import { startStreams, type StreamSettings } from './start-streams.ts';
import { startUdp, type UdpSettings } from './start-udp.ts';
import { createUdpMetrics } from './udp-metrics.ts';
import { createUnenforcedWarner } from './warn-unenforced.ts';

export type { UdpSettings } from './start-udp.ts';

export interface PriceDeps {
  readonly valkey: Valkey;
  /** Without one, keys are known as far as Valkey and memory know them. */
  readonly postgres: Postgres | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
  /** Pod name. */
  readonly node: string;
  readonly version: string;
  /** Deadline of Valkey's `decide` client, if it was given another than the default. */
  readonly decideMs?: number;
  /** Without it nothing is served over UDP. */
  readonly udp?: UdpSettings | undefined;
  readonly streams?: StreamSettings | undefined;
  /** What a feed of the same process asks venues by; absent: its own. */
  readonly upstreams?: SharedUpstreams | undefined;
}

/** The server with its routes, not listening yet. Its parts stop with the lifecycle, the server first. */
export async function buildPrice(deps: PriceDeps): Promise<FastifyInstance> {
  const { valkey, postgres, clock, logger, telemetry, lifecycle } = deps;
  const metrics = createPriceMetrics(telemetry);
  const udpMetrics = createUdpMetrics(telemetry);
  const table = createPriceTable();
  const fetching = startFetching({ ...deps, shared: deps.upstreams, table, liveCallers: () => stats.liveCallers() });
  const prices = startPrices(deps, metrics, table, fetching);
  // Whoever has changed a policy waits until every process says that it is in force.
  const policies = startPolicies(deps, () => stats.reportNow());
  const stats = reportStats({
    ...deps,
    role: 'price',
    counters: () => countForCluster(metrics, udpMetrics),
    appliedPoliciesSeq: policies.appliedSeq,
  });
  lifecycle.onStop('cluster stats', () => stats.close());
  const waitMsMax = deps.decideMs ?? DEFAULT_DEADLINES.decideMs;
  const livePods = (): number => stats.livePods();
  const limiter = createLimiter({ valkey, clock, telemetry, logger, livePods, waitMsMax });
  lifecycle.onStop('limiter', () => limiter.close());
  const keys = createKeyCache({ valkey, postgres, clock, logger, telemetry });
  lifecycle.onStop('keys', () => keys.close());

  const { reader } = prices;
  const { onDemand, quotas } = fetching;
  const ready = (): boolean | string =>
    prices.missing() ?? policies.missing() ?? (valkey.status().connected || 'Valkey does not answer');
  const server = createHttpServer({
    service: 'price',
    logger,
    telemetry,
    lifecycle,
    clock,
    openapi: { title: 'Weir price API', version: deps.version, description: API_DESCRIPTION },
    ready,
    paused: () => (policies.hold() === undefined ? undefined : 'after a stall the policies are being compared'),
    health: () => describeHealth({ ...deps, table, quotas, ready }),
  });
  const serverTimeMs = (): number => valkey.serverTimeMs();
  const isInformed = (): boolean => prices.isDeclared() && policies.missing() === undefined;
  const { directories, hold } = policies;
  const authorization = (protocol: Protocol): AuthorizerOptions => {
    return { keys, policies: directories[protocol], metrics, isInformed, hold, serverTimeMs };
  };
  const authorize = createAuthorizer(authorization('http'));
  const { tracing } = telemetry;
  const api: PriceApi = { authorize, limiter, table, reader, onDemand, metrics, tracing, serverTimeMs };
  countUnroutedErrors(server, metrics);
  addPriceRoute(server, api);
  addPricesRoute(server, api);
  addAssetsRoute(server, api);
  addGovernorRoute(server, fetching.governor);
  startStreams(server, api, { ...deps, settings: deps.streams ?? {}, authorization: authorization('sse'), livePods });
  if (deps.udp !== undefined) {
    const parts = { settings: deps.udp, authorization: authorization('udp'), metrics: udpMetrics };
    await startUdp(server, api, { ...deps, ...parts });
  }
  await server.ready();
  return server;
}

const API_DESCRIPTION =
  'Real-time prices with their true age. Every answer names the limits that apply to its key; every refusal is a problem document with a stable code and a way out.';

interface Prices {
  readonly reader: PriceReader;
  /** Whether the feeds were read that somebody has published. */
  isDeclared(): boolean;
  /** What is not there yet; `undefined` once warm. */
  missing(): string | undefined;
}

/** The tiers, following the documents of the feeds. */
function startPrices(deps: PriceDeps, metrics: PriceMetrics, table: PriceTable, fetching: Fetching): Prices {
  const { valkey, clock, logger, lifecycle, telemetry } = deps;
  const { fetcher } = fetching;
  const reader = createPriceReader({ valkey, fetcher, clock });
  const rereader = createRereader({ reader, clock });
  const updates = followUpdates({
    valkey,
    table,
    clock,
    logger,
    metrics,
    tracing: telemetry.tracing,
    reread: (slots) => rereader.add(slots),
  });
  let isWarm = false;
  const feeds = watchDocuments({
    valkey,
    family: 'feeds',
    clock,
    logger,
    parse: readFeed,
    onChange: (documents, seq) => {
      rereader.add(table.declare(documents, clock.monotonicMs()));
      fetching.follow(documents);
      if (seq === 0 || isWarm) return;
      void rereader.idle().then(() => {
        isWarm = true;
      });
    },
  });
  telemetry.gauge('weir.price.pairs', { description: 'Pairs that feeds declare', unit: '{pair}' }, () => table.size);
  lifecycle.onStop('prices', async () => {
    rereader.close();
    await Promise.all([feeds.close(), updates.close()]);
  });
  // A published set has a number, even an empty one; without it Valkey has lost the feeds, or never had any.
  const isDeclared = (): boolean => feeds.seq > 0;
  const missing = (): string | undefined => {
    if (!isDeclared()) return 'no feeds have been published yet';
    return isWarm || table.size === 0 ? undefined : 'prices are being read';
  };
  return { reader, isDeclared, missing };
}

function startPolicies({ valkey, clock, logger, lifecycle }: PriceDeps, onSeq: () => void) {
  const directories = {
    http: createPolicyDirectory('http'),
    udp: createPolicyDirectory('udp'),
    sse: createPolicyDirectory('sse'),
  } as const satisfies Record<Protocol, PolicyDirectory>;
  const warnUnenforced = createUnenforcedWarner(logger);
  const watch = watchDocuments({
    valkey,
    family: 'policies',
    clock,
    logger,
    parse: readPolicy,
    onChange: (documents) => {
      for (const directory of Object.values(directories)) directory.replace(documents);
      warnUnenforced(documents);
    },
    onSeq,
  });
  lifecycle.onStop('policies', () => watch.close());
  const guard = createStallGuard({ clock, logger, refresh: () => watch.refresh() });
  lifecycle.onStop('stall guard', () => guard.close());
  return {
    directories,
    hold: () => guard.hold(),
    // A policy that this version cannot read is not in force here.
    appliedSeq: () => watch.appliedSeq,
    missing: () => (watch.seq > 0 ? undefined : 'no policies have been published yet'),
  };
}

/** Requests that fail before a route's own code, such as by their parameters, are answers too. */
function countUnroutedErrors(server: FastifyInstance, metrics: PriceMetrics): void {
  server.addHook('onError', (_request, _reply, error, done) => {
    const isServerError = error.validation === undefined && (error.statusCode ?? 500) >= 500;
    (isServerError ? metrics.refused5xx : metrics.refused4xx).add();
    done();
  });
}
