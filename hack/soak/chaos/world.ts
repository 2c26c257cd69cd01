/** What chaos is let loose on, all real: six simulated venues, Valkey, Postgres, a feed with a standby, two price servers. */
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { demoPair, startExchanges, venueIds, type Exchanges } from '@weir/exchanges';
import { issueKey, keyMigrations } from '@weir/keys';
import { createPostgres, migrate } from '@weir/postgres';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import type { FeedDocument, FeedStatus, PolicyDocument } from '@weir/wire';
import { keepDocuments } from '../../../services/standalone/src/keep-documents.ts';
import { superviseProcess, type SupervisedProcess } from './supervised-process.ts';

export interface ChaosWorld {
  readonly exchanges: Exchanges;
  readonly valkey: Valkey;
  readonly assets: readonly string[];
  readonly feeds: readonly SupervisedProcess[];
  readonly pods: readonly SupervisedProcess[];
  readonly key: string;
  /** What the active feed says of itself. */
  feedStatus(): Promise<FeedStatus | undefined>;
  /** SIGKILL, an empty one is back on the same port after so long. */
  restartValkey(downMs: number): Promise<void>;
  stop(): Promise<void>;
}

export const CHAOS_FEED = 'weir/chaos';
const ASSETS = ['BTC', 'ETH', 'SOL', 'DOGE'];
/** Every asset moves about 25 times a second, so that a price of some seconds ago is another one. */
const MOVES_PER_SECOND = 100;
const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
const START_TIMEOUT_MS = 60_000;

export async function startChaosWorld(seed: number): Promise<ChaosWorld> {
  const [firstValkey, postgresServer] = await Promise.all([startEmbeddedValkey(), startEmbeddedPostgres()]);
  let valkeyServer = firstValkey;
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(valkeyServer.url), clientName: 'chaos' });
  const postgres = createPostgres({ ...shared, url: postgresServer.url });
  const exchanges = await startExchanges({
    venues: venueIds,
    pairs: ['USDT', ...ASSETS].map((asset) => demoPair(asset, 'USD')),
    ticksPerSecond: MOVES_PER_SECOND,
    seed,
  });
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
  const documents = { feeds: [feedDocument(exchanges)], policies: [POLICY] };
  const keeper = await keepDocuments({ ...shared, client: valkey.bulk, documents, onLoss: async () => undefined });
  const { text: key } = await issueKey(postgres, valkey.bulk, {
    name: 'chaos',
    project: 'chaos',
    tier: 'chaos',
    policy: POLICY.policy,
  });
  const { feeds, pods } = startProcesses(valkeyServer.url, postgresServer.url);
  const world: ChaosWorld = {
    exchanges,
    valkey,
    assets: ASSETS,
    feeds,
    pods,
    key,
    async feedStatus() {
      const json = await valkey.bulk.get(`feed:status:${CHAOS_FEED}`);
      // Written by the feed itself.
      return json === null ? undefined : (JSON.parse(json) as FeedStatus);
    },
    async restartValkey(downMs) {
      process.kill(valkeyServer.pid, 'SIGKILL');
      await valkeyServer.stop();
      await new Promise((resolve) => void systemClock.setTimeout(() => resolve(undefined), downMs));
      valkeyServer = await startEmbeddedValkey({ port: valkeyServer.port });
    },
    async stop() {
      await Promise.all([...feeds, ...pods].map((one) => one.stop()));
      await keeper.stop();
      await exchanges.stop();
      await valkey.close();
      await postgres.close();
      await Promise.all([valkeyServer.stop(), postgresServer.stop()]);
    },
  };
  await awaitWorld(world);
  return world;
}

function startProcesses(valkeyUrl: string, postgresUrl: string) {
  const environment = {
    WEIR_VALKEY_URL: valkeyUrl,
    WEIR_POSTGRES_URL: postgresUrl,
    WEIR_HTTP_HOST: '127.0.0.1',
    WEIR_HTTP_PORT: '0',
    WEIR_FEED: CHAOS_FEED,
  };
  const start = (service: string, name: string): SupervisedProcess =>
    superviseProcess(name, path.join(ROOT, 'services', service, 'src', 'main.ts'), environment);
  return {
    feeds: ['feed-a', 'feed-b'].map((name) => start('feed', name)),
    pods: ['price-a', 'price-b'].map((name) => start('price', name)),
  };
}

/** Stops what was started when it does not come up. */
async function awaitWorld(world: ChaosWorld): Promise<void> {
  const { pods, feeds, assets } = world;
  try {
    await waitFor(() => Promise.all(pods.map(isReady)).then((ready) => ready.every(Boolean)), START_TIMEOUT_MS);
    await waitFor(async () => (await world.feedStatus())?.assets.fresh === assets.length, START_TIMEOUT_MS);
  } catch (error) {
    const outputs = [...feeds, ...pods].map((one) => `${one.name}:\n${one.output()}`);
    await world.stop();
    throw new Error(`nothing to let chaos loose on:\n${outputs.join('\n')}`, { cause: error });
  }
}

async function isReady({ url }: SupervisedProcess): Promise<boolean> {
  if (url === undefined) return false;
  return (await fetch(`${url}/readyz`)).status === 200;
}

function feedDocument({ addresses }: Exchanges): FeedDocument {
  return {
    feed: CHAOS_FEED,
    suspend: false,
    assets: ASSETS,
    quote: 'USD',
    sources: Object.entries(addresses).map(([exchange, { ws, rest }]) => ({
      name: exchange,
      exchange,
      url: ws,
      restUrl: rest,
      prewarm: { intervalMs: 30_000 },
    })),
    aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
    freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
    publish: { intervalMs: 50, heartbeatMs: 1_000 },
    fallback: { enabled: true },
  };
}

const POLICY: PolicyDocument = {
  policy: 'weir/chaos',
  suspend: false,
  mode: 'Enforce',
  tier: 'chaos',
  limits: {},
  budget: {},
  costs: { priceMicro: 0, reportMicro: 0 },
  access: { protocols: ['http', 'udp', 'sse'], allowStale: true, onDemandAssets: false },
  onValkeyFailure: 'Allow',
  keys: [],
};
