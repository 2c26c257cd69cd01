/**
 * Weir in one process: embedded Valkey and Postgres, custom resources from a folder, simulated or live exchanges, one
 * feed per PriceFeed and the price API.
 *
 * Guarantees: the same resources give the same documents as in a cluster; what Valkey loses is back within 3 s without
 * a restart; a stop drains the API first and the servers last, and leaves no process, however this one ends. Does not:
 * rotate keys, watch the folder for changes, or serve more than one machine.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@weir/clock';
import { isWeirError, WeirError } from '@weir/errors';
import { startExchanges } from '@weir/exchanges';
import { createFeedShared, startFeed, type Feed } from '@weir/feed';
import { listen } from '@weir/http';
import { keyMigrations } from '@weir/keys';
import type { Lifecycle } from '@weir/lifecycle';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@weir/postgres/embedded';
import { buildPrice, type UdpSettings } from '@weir/price';
import { createTelemetry, type Logger, type Telemetry } from '@weir/telemetry';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { findValkeyServer } from '@weir/valkey/embedded';
import { awaitFirstPrice } from './await-first-price.ts';
import { assertCanListen } from './check-port.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { keyToTry, ownAddresses, pairsToTry, type FoundPrice } from './describe-start.ts';
import { issueKeys, prepareKeys, type PreparedKey } from './issue-keys.ts';
import { keepDocuments } from './keep-documents.ts';
import { loadResources, type Documents } from './load-resources.ts';
import type { StandaloneOptions } from './options.ts';
import { runValkey, type ValkeyServer } from './run-valkey.ts';
import { planSimulation, simulateSources } from './simulate-venues.ts';

export interface StandaloneDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Stops everything; also what a failed start has left running. */
  readonly lifecycle: Lifecycle;
  readonly version: string;
  /** Told as each part comes up. */
  readonly progress: (label: string, text: string) => void;
}

export interface Standalone {
  /** Address of the price API. */
  readonly url: string;
  readonly folder: DataFolder;
  readonly keys: readonly PreparedKey[];
  /** The key and the pair to try first, where there are any. */
  readonly key: PreparedKey | undefined;
  readonly pair: string | undefined;
  /** Of that pair or, when it has none in time, of another one; absent when there is none at all. */
  readonly firstPrice: FoundPrice | undefined;
  readonly feeds: readonly Feed[];
}

const NODE = 'standalone';
const FIRST_PRICE_TIMEOUT_MS = 10_000;

/** Rejects with a WeirError that names the fix; whoever calls it then stops the lifecycle. */
export async function startStandalone(options: StandaloneOptions, deps: StandaloneDeps): Promise<Standalone> {
  const { clock, lifecycle, progress } = deps;
  const { draining } = lifecycle;
  await assertCanListen(options.host, options.httpPort);
  // Fails at once, rather than after Postgres has started.
  findValkeyServer();
  const declared = await loadResources(options.resources);
  progress('resources', `${count(declared)} from ${options.resources}`);
  const folder = await openDataFolder(options.data);
  lifecycle.onStop('data folder', () => folder.release());
  const keys = await prepareKeys(declared.policies, folder, options.venues === 'live' ? 'live' : 'test');

  const stores = await startStores(options, deps, folder);
  draining.throwIfAborted();
  const documents = await connectVenues(options, deps, declared);
  const { valkey, postgres } = stores;
  const issue = (): Promise<void> => issueKeys(postgres, valkey.bulk, keys);
  await issue();
  for (const { policy, key, file } of keys) progress('key', `${policy.policy} ${key.name} in ${file}`);
  draining.throwIfAborted();

  const { logger } = deps;
  const keeper = await keepDocuments({ client: valkey.bulk, clock, logger, documents, onLoss: issue });
  lifecycle.onStop('documents', () => keeper.stop());
  const feeds: Feed[] = [];
  // Venues limit by address, which the feeds and the price server of this process share.
  const shared = createFeedShared({ ...deps, ...stores });
  lifecycle.onStop('upstreams', () => shared.close());
  for (const { feed } of documents.feeds) feeds.push(await startFeed({ ...deps, ...stores, shared, node: NODE, feed }));
  const udp = udpSettings(options, (port) => progress('UDP', `port ${port} of ${options.host}`));
  const server = await buildPrice({ ...deps, ...stores, node: NODE, udp, upstreams: shared });
  const { url } = await listen(server, { host: options.host, port: options.httpPort, portSetting: '--http-port' });
  progress('price API', `${url}, described at ${url}/docs`);

  const key = keyToTry(keys);
  const pairs = pairsToTry(documents.feeds, key?.policy);
  const wait = { client: valkey.bulk, clock, url, timeoutMs: FIRST_PRICE_TIMEOUT_MS, signal: draining };
  const firstPrice = pairs.length === 0 ? undefined : await awaitFirstPrice({ ...wait, pairs });
  lifecycle.markReady();
  return { url, folder, keys, key, pair: pairs[0], firstPrice, feeds };
}

interface Stores {
  readonly valkey: Valkey;
  readonly postgres: Postgres;
  readonly telemetry: Telemetry;
}

/** Both servers and their clients; the clients stop first. */
async function startStores(options: StandaloneOptions, deps: StandaloneDeps, folder: DataFolder): Promise<Stores> {
  const { clock, logger, lifecycle, version } = deps;
  const [valkeyServer, postgresUrl] = await startServers(options, deps, folder);
  const telemetry = createTelemetry({ service: NODE, version, instance: NODE, clock, logger });
  lifecycle.onStop('telemetry', () => telemetry.close());
  const target = parseValkeyUrl(valkeyServer.url);
  const valkey = createValkey({ target, clock, logger, telemetry, clientName: `weir-${NODE}` });
  lifecycle.onStop('valkey', () => valkey.close());
  const postgres = createPostgres({ url: postgresUrl, clock, logger, telemetry });
  lifecycle.onStop('postgres', () => postgres.close());
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, logger)]);
  return { valkey, postgres, telemetry };
}

/** Side by side; each is registered for the stop as soon as it is up, so that the failure of one leaves none. */
function startServers(
  options: StandaloneOptions,
  { clock, logger, lifecycle, progress }: StandaloneDeps,
  folder: DataFolder,
): Promise<[ValkeyServer, string]> {
  progress('starting', 'Valkey and Postgres; the first time Postgres needs a few seconds');
  const valkey = runValkey(options.valkeyPort, clock, logger).then((server) => {
    lifecycle.onStop('valkey server', () => server.stop());
    progress('valkey', server.url);
    return server;
  });
  const postgres = startPostgres(options.postgresPort, folder).then((server) => {
    lifecycle.onStop('postgres server', () => server.stop());
    progress('postgres', `port ${server.port} of 127.0.0.1, files in ${folder.postgres}`);
    return server.url;
  });
  return Promise.all([valkey, postgres]);
}

async function startPostgres(port: number, folder: DataFolder): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres({ port, portSetting: '--postgres-port', directory: folder.postgres });
  } catch (err) {
    if (!isWeirError(err, 'CONFIG_INVALID')) throw err;
    const detail = `${err.detail} (--data <folder>; it is ${folder.path} now)`;
    throw new WeirError('CONFIG_INVALID', { detail, cause: err });
  }
}

async function connectVenues(
  { venues, seed }: StandaloneOptions,
  { lifecycle, progress }: StandaloneDeps,
  declared: Documents,
): Promise<Documents> {
  if (venues === 'live') {
    progress('venues', 'live, over the internet');
    return declared;
  }
  const exchanges = await startExchanges({ ...planSimulation(declared.feeds), seed });
  lifecycle.onStop('exchanges', () => exchanges.stop());
  const { feeds, leftOut } = simulateSources(declared.feeds, exchanges.addresses);
  const addresses = Object.entries(exchanges.addresses).map(([id, { ws }]) => `${id} ${ws}`);
  const own = ownAddresses(declared.feeds);
  const simulated = addresses.length === 0 ? 'none is simulated' : `simulated: ${addresses.join(', ')}`;
  progress('venues', simulated);
  if (addresses.length > 0) progress('', 'their prices are made up, and they list every asset that a file names');
  for (const source of own) progress('', source);
  for (const source of leftOut) progress('', `source ${source} is left out: its exchange is not simulated`);
  return { ...declared, feeds };
}

/** Sessions of an earlier start are gone with its Valkey, so their secret may be too. */
function udpSettings({ host, udpPort }: StandaloneOptions, onPort: (port: number) => void): UdpSettings {
  return { host, port: udpPort, portSetting: '--udp-port', secret: randomBytes(32).toString('base64url'), onPort };
}

function count({ feeds, policies }: Documents): string {
  const plural = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
  return `${plural(feeds.length, 'PriceFeed', 'PriceFeeds')}, ${plural(policies.length, 'ApiKeyPolicy', 'ApiKeyPolicies')}`;
}
