/**
 * What the price service needs around it, all real: Valkey, Postgres, documents, keys, and a feed that keeps the price of
 * BTC fresh from a simulated exchange. Also a collector that takes traces and metrics and forgets them.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { compileApiKeyPolicy, compilePriceFeed, readResources } from '@weir/crds';
import { demoPair, startExchanges } from '@weir/exchanges';
import { startFeed } from '@weir/feed';
import { issueKey, keyMigrations } from '@weir/keys';
import { createPostgres, migrate } from '@weir/postgres';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { createValkey, parseValkeyUrl, publishDocuments } from '@weir/valkey';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import type { FeedDocument, PolicyDocument } from '@weir/wire';
import { pin } from './server-process.ts';

export interface Stage {
  readonly valkeyUrl: string;
  readonly valkeyPort: number;
  readonly postgresUrl: string;
  readonly collectorUrl: string;
  readonly hotKey: string;
  readonly proKeys: readonly string[];
  stop(): Promise<void>;
}

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const FEED = 'weir/bench';
const ISSUING = 10;

function readDocuments(venue: { readonly ws: string; readonly rest: string }) {
  const files = ['hack/bench/resources.yaml', 'crds/examples/policies.yaml'];
  const resources = files.flatMap((file) => readResources(readFileSync(path.join(ROOT, file), 'utf8'), file));
  const feeds = new Map<string, string>();
  const policies = new Map<string, string>();
  for (const resource of resources) {
    if (resource.kind === 'PriceFeed') {
      const compiled = compilePriceFeed(resource);
      const sources = compiled.sources.map((source) => ({ ...source, url: venue.ws, restUrl: venue.rest }));
      const document: FeedDocument = { ...compiled, feed: FEED, sources };
      feeds.set(FEED, JSON.stringify(document));
    } else {
      const document: PolicyDocument = compileApiKeyPolicy(resource);
      policies.set(document.policy, JSON.stringify(document));
    }
  }
  return { feeds, policies, hotPolicy: [...policies.keys()].find((name) => name.endsWith('/hot')) ?? '' };
}

async function startCollector(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Everything it starts runs on `core`, where there is a choice. */
export async function startStage(core: number, proKeys: number): Promise<Stage> {
  const [valkeyServer, postgresServer, collector, exchanges] = await Promise.all([
    startEmbeddedValkey(),
    startEmbeddedPostgres(),
    startCollector(),
    startExchanges({ venues: ['coinbase'], pairs: [demoPair('BTC', 'USD')], ticksPerSecond: 4 }),
  ]);
  pin(valkeyServer.pid, core);
  const telemetry = createTestTelemetry();
  const shared = { clock: systemClock, logger: silentLogger, telemetry };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(valkeyServer.url), clientName: 'bench' });
  const postgres = createPostgres({ ...shared, url: postgresServer.url, maxConnections: ISSUING });
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
  const venue = exchanges.addresses['coinbase'];
  if (venue === undefined) throw new Error('the simulated exchange has no address');
  const { feeds, policies, hotPolicy } = readDocuments(venue);
  await publishDocuments(valkey.bulk, 'feeds', feeds);
  await publishDocuments(valkey.bulk, 'policies', policies);
  const feed = await startFeed({ ...shared, valkey, feed: FEED, node: 'bench' });
  const issue = (name: string, tier: string, policy: string): Promise<string> =>
    issueKey(postgres, valkey.bulk, { name, project: 'bench', tier, policy }).then(({ text }) => text);
  const hotKey = await issue('hot', 'bench', hotPolicy);
  const keys: string[] = [];
  const issueSome = async (): Promise<void> => {
    while (keys.length < proKeys) {
      const place = keys.push('') - 1;
      keys[place] = await issue(`pro-${place}`, 'pro', '');
    }
  };
  await Promise.all(Array.from({ length: ISSUING }, issueSome));
  await waitFor(() => feed.role === 'active', 20_000);
  return {
    valkeyUrl: valkeyServer.url,
    valkeyPort: valkeyServer.port,
    postgresUrl: postgresServer.url,
    collectorUrl: collector.url,
    hotKey,
    proKeys: keys,
    async stop() {
      await feed.stop();
      await exchanges.stop();
      await valkey.close();
      await postgres.close();
      await collector.stop();
      await Promise.all([valkeyServer.stop(), postgresServer.stop()]);
    },
  };
}
