/** Starts the process `price`: settings, clients, the server, signals. The only file that reads the environment. */
import { readFileSync } from 'node:fs';
import { systemClock } from '@weir/clock';
import { loadConfig, settingsTable } from '@weir/config';
import { isWeirError } from '@weir/errors';
import { listen } from '@weir/http';
import { createLifecycle } from '@weir/lifecycle';
import { createPostgres } from '@weir/postgres';
import { createLogger, createTelemetry } from '@weir/telemetry';
import { createValkey } from '@weir/valkey';
import packageJson from '../package.json' with { type: 'json' };
import { buildPrice } from './app.ts';
import { configSchema, valkeyTargetOf, type Config } from './config.ts';
import { migrateWhenPossible } from './migrate-when-possible.ts';

const HELP = `price: serves prices over HTTP to holders of API keys

Usage: price [--help]

It is configured by environment variables:

${settingsTable(configSchema.properties)}

/docs on the running server describes its routes.
`;

async function main(config: Config): Promise<void> {
  const service = 'price';
  const { version } = packageJson;
  const clock = systemClock;
  const node = config.WEIR_NODE_NAME;
  const logger = createLogger({ service, level: config.WEIR_LOG_LEVEL, base: { node } });
  const lifecycle = createLifecycle({ clock, logger, stopDeadlineMs: config.WEIR_STOP_DEADLINE_MS });
  lifecycle.handleSignals(process);
  const telemetry = createTelemetry({
    service,
    version,
    instance: node,
    clock,
    logger,
    otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    traceSampleRatio: config.WEIR_TRACE_SAMPLE_RATIO,
  });
  lifecycle.onStop('telemetry', () => telemetry.close());
  const clientName = `weir-${service}`;
  const target = valkeyTargetOf(config, (file) => readFileSync(file, 'utf8'));
  const valkey = createValkey({ target, clock, logger, telemetry, clientName });
  lifecycle.onStop('valkey', () => valkey.close());
  const postgres = createPostgres({ url: config.WEIR_POSTGRES_URL, clock, logger, telemetry });
  lifecycle.onStop('postgres', () => postgres.close());
  void migrateWhenPossible({ postgres, clock, logger, signal: lifecycle.draining });
  try {
    const server = await buildPrice({ valkey, postgres, clock, logger, telemetry, lifecycle, node, version });
    const { url } = await listen(server, { host: config.WEIR_HTTP_HOST, port: config.WEIR_HTTP_PORT });
    lifecycle.markReady();
    logger.info({ url }, 'listening');
  } catch (err) {
    logger.fatal({ err }, 'cannot start');
    await lifecycle.stop('cannot start');
    process.exit(1);
  }
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
