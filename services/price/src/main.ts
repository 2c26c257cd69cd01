/** Starts the process `price`: serves prices at once, brings the tables of Postgres up to date when it is there. */
import { loadConfig, settingsTable } from '@weir/config';
import { listen } from '@weir/http';
import { keyMigrations } from '@weir/keys';
import { createPostgres, migrateWhenPossible } from '@weir/postgres';
import { runProcess, type ProcessParts } from '@weir/process';
import packageJson from '../package.json' with { type: 'json' };
import { buildPrice } from './app.ts';
import { configSchema, type Config } from './config.ts';

async function start(parts: ProcessParts<Config>): Promise<void> {
  const { config, clock, logger, lifecycle, telemetry } = parts;
  const postgres = createPostgres({ url: config.WEIR_POSTGRES_URL, clock, logger, telemetry });
  lifecycle.onStop('postgres', () => postgres.close());
  void migrateWhenPossible(keyMigrations, { postgres, clock, logger, signal: lifecycle.draining });
  const { WEIR_UDP_SECRET: secret, WEIR_UDP_PORT: port, WEIR_STREAMS_MAX: streamsMax } = config;
  const udp = secret === undefined ? undefined : { host: config.WEIR_HTTP_HOST, port, secret };
  const server = await buildPrice({ ...parts, postgres, udp, streams: { streamsMax } });
  const { url } = await listen(server, { host: config.WEIR_HTTP_HOST, port: config.WEIR_HTTP_PORT });
  lifecycle.markReady();
  logger.info({ url }, 'listening');
}

await runProcess(
  {
    service: 'price',
    version: packageJson.version,
    summary: 'serves prices over HTTP, as streams and over UDP, to holders of API keys',
    settings: settingsTable(configSchema.properties),
    readConfig: (env): Config => loadConfig(configSchema, env),
    start,
  },
  process,
);
