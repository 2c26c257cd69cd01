/** Starts the process `feed`: one PriceFeed, with its health and metrics over HTTP. */
import { reportStats } from '@weir/cluster';
import { loadConfig, settingsTable } from '@weir/config';
import { createHttpServer, listen } from '@weir/http';
import { runProcess, type ProcessParts } from '@weir/process';
import packageJson from '../package.json' with { type: 'json' };
import { createFeedShared, startFeed, type Feed, type FeedShared } from './app.ts';
import { configSchema, type Config } from './config.ts';

const service = 'feed';

async function start(parts: ProcessParts<Config>): Promise<void> {
  const { config, logger, lifecycle, valkey, node, version } = parts;
  const { WEIR_FEED: name } = config;
  // Health is answered from the first moment on, the feed comes once Valkey does.
  const started: { feed?: Feed; shared?: FeedShared } = {};
  const server = createHttpServer({
    ...parts,
    service,
    openapi: { title: 'Weir feed', version, description: 'Health and metrics of one PriceFeed.' },
    ready: () =>
      (started.feed?.role ?? 'starting') === 'starting' ? 'The document of the feed was not read yet.' : true,
    health: () => ({
      ...started.shared?.quotas.health(),
      ...(started.feed?.status() ?? { feed: name, node, role: 'starting' }),
    }),
  });
  const { url } = await listen(server, { host: config.WEIR_HTTP_HOST, port: config.WEIR_HTTP_PORT });
  logger.info({ url }, 'listening');
  await valkey.ready();
  const stats = reportStats({ ...parts, role: 'feed' });
  lifecycle.onStop('cluster stats', () => stats.close());
  const shared = createFeedShared({ ...parts, livePods: () => stats.liveCallers() });
  lifecycle.onStop('upstreams', () => shared.close());
  started.shared = shared;
  started.feed = await startFeed({ ...parts, shared, feed: name });
  lifecycle.markReady();
}

await runProcess(
  {
    service,
    version: packageJson.version,
    summary: 'follows the exchanges of one PriceFeed and publishes its prices',
    settings: settingsTable(configSchema.properties),
    readConfig: (env): Config => loadConfig(configSchema, env),
    start,
  },
  process,
);
