/** Starts the process `operator`: health at once, and its work as soon as the API server is there. */
import { readFileSync } from 'node:fs';
import { reportStats } from '@weir/cluster';
import { settingsTable } from '@weir/config';
import { createHttpServer, listen } from '@weir/http';
import { keyMigrations } from '@weir/keys';
import { createPostgres, migrateWhenPossible } from '@weir/postgres';
import { runProcess, type ProcessParts } from '@weir/process';
import packageJson from '../package.json' with { type: 'json' };
import { createApiKeyPolicyController } from './api-key-policy/index.ts';
import { startOperator, type Operator } from './app.ts';
import { configSchema, readConfig, settingsOf, type Config } from './config.ts';
import { loadKubeConfig } from './kube/index.ts';
import { createPriceFeedController } from './price-feed/index.ts';

const service = 'operator';

async function start(parts: ProcessParts<Config>): Promise<void> {
  const { config, clock, logger, lifecycle, telemetry, version } = parts;
  // Probes are answered from the first moment on.
  const started: { operator?: Operator } = {};
  const server = createHttpServer({
    ...parts,
    service,
    openapi: { title: 'Weir operator', version, description: 'Health and metrics of the operator.' },
    ready: () => started.operator?.readiness() ?? 'Starting.',
    alive: () => started.operator?.fault() ?? true,
    health: () => started.operator?.health() ?? { status: 'starting' },
  });
  const { url } = await listen(server, { host: config.WEIR_HTTP_HOST, port: config.WEIR_HTTP_PORT });
  logger.info({ url }, 'listening');
  const postgres = createPostgres({ url: config.WEIR_POSTGRES_URL, clock, logger, telemetry });
  lifecycle.onStop('postgres', () => postgres.close());
  void migrateWhenPossible(keyMigrations, { postgres, clock, logger, signal: lifecycle.draining });
  const stats = reportStats({ ...parts, role: 'operator' });
  lifecycle.onStop('cluster stats', () => stats.close());
  started.operator = startOperator({
    ...parts,
    postgres,
    settings: settingsOf(config, (file) => readFileSync(file, 'utf8')),
    kubeConfig: loadKubeConfig(config.KUBECONFIG),
    rate: { perSecond: config.WEIR_KUBE_REQUESTS_PER_SECOND, burst: config.WEIR_KUBE_BURST },
    controllers: [createPriceFeedController, createApiKeyPolicyController],
    onLeadershipLost: (reason) => {
      // Not with 0: whoever started it starts it again.
      void lifecycle.stop(reason).then(() => process.exit(1));
    },
  });
  lifecycle.markReady();
}

await runProcess(
  {
    service,
    version: packageJson.version,
    summary: 'brings about what PriceFeeds and ApiKeyPolicies ask for',
    settings: settingsTable(configSchema.properties),
    readConfig,
    start,
  },
  process,
);
