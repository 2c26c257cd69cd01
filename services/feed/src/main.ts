/** Starts the process `feed`: settings, clients, health, signals. The only file that reads the environment. */
import { readFileSync } from 'node:fs';
import { systemClock } from '@weir/clock';
import { loadConfig, settingsTable } from '@weir/config';
import { isWeirError } from '@weir/errors';
import { createHttpServer, listen } from '@weir/http';
import { createLifecycle, type Lifecycle } from '@weir/lifecycle';
import { createLogger, createTelemetry, type Logger } from '@weir/telemetry';
import { createValkey } from '@weir/valkey';
import packageJson from '../package.json' with { type: 'json' };
import { startFeed, type Feed } from './app.ts';
import { configSchema, valkeyTargetOf, type Config } from './config.ts';

const SERVICE = 'feed';
const HELP = `feed: follows the exchanges of one PriceFeed and publishes its prices

Usage: feed [--help]

It is configured by environment variables:

${settingsTable(configSchema.properties)}

/docs on the running server describes its routes: health and metrics.
`;

async function main(config: Config): Promise<void> {
  const clock = systemClock;
  const logger = createLogger({
    service: SERVICE,
    level: config.WEIR_LOG_LEVEL,
    base: { node: config.WEIR_NODE_NAME },
  });
  const lifecycle = createLifecycle({ clock, logger, stopDeadlineMs: config.WEIR_STOP_DEADLINE_MS });
  lifecycle.handleSignals(process);
  try {
    await start(config, logger, lifecycle);
  } catch (err) {
    // A stop during the start ends what the start waits for.
    if (lifecycle.draining.aborted) return;
    logger.fatal({ err }, 'cannot start');
    await lifecycle.stop('cannot start');
    process.exit(1);
  }
}

async function start(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  const clock = systemClock;
  const { version } = packageJson;
  const { WEIR_FEED: name, WEIR_NODE_NAME: node } = config;
  const telemetry = createTelemetry({
    service: SERVICE,
    version,
    instance: node,
    clock,
    logger,
    otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    traceSampleRatio: config.WEIR_TRACE_SAMPLE_RATIO,
  });
  lifecycle.onStop('telemetry', () => telemetry.close());
  const target = valkeyTargetOf(config, (file) => readFileSync(file, 'utf8'));
  const valkey = createValkey({ target, clock, logger, telemetry, clientName: `weir-${SERVICE}` });
  lifecycle.onStop('valkey', () => valkey.close());

  // Health is answered from the first moment on, the feed comes once Valkey does.
  const started: { feed?: Feed } = {};
  const server = createHttpServer({
    service: SERVICE,
    logger,
    telemetry,
    lifecycle,
    clock,
    openapi: { title: 'Weir feed', version, description: 'Health and metrics of one PriceFeed.' },
    ready: () =>
      (started.feed?.role ?? 'starting') === 'starting' ? 'The document of the feed was not read yet.' : true,
    health: () => started.feed?.status() ?? { feed: name, node, role: 'starting' },
  });
  const { url } = await listen(server, { host: config.WEIR_HTTP_HOST, port: config.WEIR_HTTP_PORT });
  logger.info({ url }, 'listening');
  await valkey.ready();
  started.feed = await startFeed({ feed: name, node, valkey, clock, logger, telemetry, lifecycle });
  lifecycle.markReady();
}

/** Its type is left to inference: naming it makes the compiler compare two expansions of the schema, for seconds. */
function readConfig() {
  try {
    return loadConfig(configSchema, process.env);
  } catch (err) {
    if (!isWeirError(err)) throw err;
    console.error(err.detail);
    console.error('Run with --help for all settings.');
    process.exit(2);
  }
}

if (process.argv.includes('--help')) console.log(HELP);
else await main(readConfig());
