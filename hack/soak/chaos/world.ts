/** What chaos is let loose on, all real: six simulated venues, Valkey, Postgres, a feed with a standby, two price servers. */
import path from 'node:path';
import { sleep, systemClock } from '@weir/clock';
import { demoPair, spellSymbol, startExchanges, venueIds, type Exchanges } from '@weir/exchanges';
import { issueKey, keyMigrations } from '@weir/keys';
import { createPostgres, migrate } from '@weir/postgres';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import type { FeedDocument, FeedStatus, PolicyDocument } from '@weir/wire';
import { findVenue } from '../../../services/lib/venues/index.ts';
import { keepDocuments } from '../../../services/standalone/src/keep-documents.ts';
import { askPrices, readServed } from './read-served.ts';
import { superviseProcess, type SupervisedProcess } from './supervised-process.ts';
import type { ChaosTarget, ChaosVenue } from './target.ts';

export interface ChaosWorld {
  readonly target: ChaosTarget;
  /** What every process printed last. */
  outputs(): string;
  stop(): Promise<void>;
}

const FEED = 'weir/chaos';
const ASSETS = ['BTC', 'ETH', 'SOL', 'DOGE'];
/** A feed of its own, of one of the venues in dollars. */
const LONE_FEED = 'weir/lone';
const LONE = 'XRP';
const LONE_VENUES = ['kraken', 'gemini', 'coinbase'];
const SERVED = [...ASSETS, LONE];
/** Every asset moves about 25 times a second, so that a price of some seconds ago is another one. */
const MOVES_PER_SECOND = 100;
const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
const START_TIMEOUT_MS = 60_000;

/** So far from a dollar that not to convert by it would be seen. */
const TETHER = { asset: 'USDT', quote: 'USD', price: '0.99500' };
const VALKEY_DOWN_MS = 1_000;
const STANDBY_TIMEOUT_MS = 15_000;

interface Servers {
  readonly exchanges: Exchanges;
  readonly valkey: Valkey;
  readonly feeds: readonly SupervisedProcess[];
  readonly pods: readonly SupervisedProcess[];
  readonly lone: SupervisedProcess;
  readonly loneVenue: string;
  readonly key: string;
  readonly restartValkey: () => Promise<void>;
}

export async function startChaosWorld(seed: number): Promise<ChaosWorld> {
  const [firstValkey, postgresServer] = await Promise.all([startEmbeddedValkey(), startEmbeddedPostgres()]);
  let valkeyServer = firstValkey;
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(valkeyServer.url), clientName: 'chaos' });
  const postgres = createPostgres({ ...shared, url: postgresServer.url });
  const exchanges = await startExchanges({
    venues: venueIds,
    pairs: [TETHER, ...SERVED.map((asset) => demoPair(asset, 'USD'))],
    ticksPerSecond: MOVES_PER_SECOND,
    seed,
  });
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
  const loneVenue = LONE_VENUES[seed % LONE_VENUES.length] ?? '';
  const feedDocuments = [
    feedDocument(exchanges, { feed: FEED, assets: ASSETS }),
    feedDocument(exchanges, { feed: LONE_FEED, assets: [LONE], only: loneVenue }),
  ];
  const documents = { feeds: feedDocuments, policies: [POLICY] };
  const keeper = await keepDocuments({ ...shared, client: valkey.bulk, documents, onLoss: async () => undefined });
  const { text: key } = await issueKey(postgres, valkey.bulk, {
    name: 'chaos',
    project: 'chaos',
    tier: 'chaos',
    policy: POLICY.policy,
  });
  const { feeds, pods, lone } = startProcesses(valkeyServer.url, postgresServer.url);
  const restartValkey = async (): Promise<void> => {
    process.kill(valkeyServer.pid, 'SIGKILL');
    await valkeyServer.stop();
    await sleep(systemClock, VALKEY_DOWN_MS);
    valkeyServer = await startEmbeddedValkey({ port: valkeyServer.port });
  };
  const servers: Servers = { exchanges, valkey, feeds, pods, lone, loneVenue, key, restartValkey };
  const world: ChaosWorld = {
    target: targetOf(servers),
    outputs: () => [...feeds, lone, ...pods].map((one) => `${one.name}:\n${one.output()}`).join('\n'),
    async stop() {
      await Promise.all([...feeds, lone, ...pods].map((one) => one.stop()));
      await keeper.stop();
      await exchanges.stop();
      await valkey.close();
      await postgres.close();
      await Promise.all([valkeyServer.stop(), postgresServer.stop()]);
    },
  };
  await awaitWorld(world, servers);
  return world;
}

function targetOf({ exchanges, valkey, feeds, pods, loneVenue, key, restartValkey }: Servers): ChaosTarget {
  const venue = (id: string): ChaosVenue => {
    const control = exchanges.venue(id);
    return { ...control, readStrikes: () => control.strikes };
  };
  return {
    venues: venueIds,
    venue,
    symbolOf: spellDollars,
    assets: ASSETS,
    lone: { asset: LONE, venue: loneVenue },
    rules: feedDocument(exchanges, { feed: FEED, assets: ASSETS }),
    pods: pods.map((pod) => ({
      name: pod.name,
      look: () =>
        readServed({ pod: pod.name, assets: SERVED, ask: (wanted) => askPrices(`${pod.url ?? ''}${wanted}`, key) }),
    })),
    readTruths: () =>
      Promise.resolve(
        Object.fromEntries(
          Object.entries(exchanges.truths()).map(([pair, price]) => [pair.replace(/-USD$/, ''), Number(price)]),
        ),
      ),
    setTruth: (asset, price) => exchanges.setTruth(asset, price),
    restartValkey,
    flushValkey: async () => void (await valkey.bulk.call('FLUSHALL')),
    countStored: async () => Number(await valkey.bulk.call('EXISTS', ...SERVED.map((asset) => `price:${asset}`))),
    killFeed: (which) => killFeed({ valkey, feeds }, which),
  };
}

/** As the venue quotes in dollars, or in what stands for them. */
function spellDollars(id: string, asset: string): string {
  const venue = venueIds.find((known) => known === id);
  return venue === undefined ? '' : spellSymbol(venue, asset, findVenue(id)?.settlement ?? 'USD');
}

async function killFeed({ valkey, feeds }: Pick<Servers, 'valkey' | 'feeds'>, which: 'active' | 'standby') {
  // A standby that is not up yet could not take over, and could not be killed.
  await waitFor(() => Promise.all(feeds.map(isReady)).then((ready) => ready.every(Boolean)), STANDBY_TIMEOUT_MS);
  const active = await waitFor(async () => (await readStatus(valkey))?.active, STANDBY_TIMEOUT_MS);
  const victim = feeds.find(({ name }) => (name === active) === (which === 'active'));
  if (victim === undefined) throw new Error(`there is no ${which} feed to kill`);
  await victim.kill('SIGKILL');
}

async function readStatus(valkey: Valkey): Promise<FeedStatus | undefined> {
  const json = await valkey.bulk.get(`feed:status:${FEED}`);
  // Written by the feed itself.
  return json === null ? undefined : (JSON.parse(json) as FeedStatus);
}

function startProcesses(valkeyUrl: string, postgresUrl: string) {
  const environment = {
    WEIR_VALKEY_URL: valkeyUrl,
    WEIR_POSTGRES_URL: postgresUrl,
    WEIR_HTTP_HOST: '127.0.0.1',
    WEIR_HTTP_PORT: '0',
  };
  const start = (service: string, name: string, feed = FEED): SupervisedProcess =>
    superviseProcess(name, path.join(ROOT, 'services', service, 'src', 'main.ts'), { ...environment, WEIR_FEED: feed });
  return {
    feeds: ['feed-a', 'feed-b'].map((name) => start('feed', name)),
    lone: start('feed', 'feed-lone', LONE_FEED),
    pods: ['price-a', 'price-b'].map((name) => start('price', name)),
  };
}

/** Stops what was started when it does not come up. */
async function awaitWorld(world: ChaosWorld, { feeds, pods, lone, valkey }: Servers): Promise<void> {
  try {
    await waitFor(
      () => Promise.all([...feeds, lone, ...pods].map(isReady)).then((ready) => ready.every(Boolean)),
      START_TIMEOUT_MS,
    );
    await waitFor(async () => (await readStatus(valkey))?.assets.fresh === ASSETS.length, START_TIMEOUT_MS);
    await waitFor(async () => (await world.target.countStored()) === SERVED.length, START_TIMEOUT_MS);
  } catch (error) {
    const outputs = world.outputs();
    await world.stop();
    throw new Error(`nothing to let chaos loose on:\n${outputs}`, { cause: error });
  }
}

async function isReady({ url }: SupervisedProcess): Promise<boolean> {
  if (url === undefined) return false;
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

interface FollowedAssets {
  readonly feed: string;
  readonly assets: readonly string[];
  /** Absent: all venues. */
  readonly only?: string;
}

function feedDocument({ addresses }: Exchanges, { feed, assets, only }: FollowedAssets): FeedDocument {
  const followed = Object.entries(addresses).filter(([exchange]) => only === undefined || exchange === only);
  return {
    feed,
    suspend: false,
    assets,
    quote: 'USD',
    sources: followed.map(([exchange, { ws, rest }]) => ({
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
