/** A database of a test's own on a real Postgres. */
import { randomBytes } from 'node:crypto';

import { systemClock } from '@weir/clock';
import { createPostgres, type Postgres } from '@weir/postgres';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';

import { BROKER_VARIABLE } from './postgres-broker.ts';
import { silentLogger } from './silent-logger.ts';
import { createTestTelemetry } from './test-telemetry.ts';

export interface TestPostgres extends AsyncDisposable {
  /** Of an empty database. */
  readonly url: string;
  /** Drops the database, whoever is still connected to it. */
  stop(): Promise<void>;
}

const connect = (url: string): Postgres =>
  createPostgres({
    url,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    maxConnections: 1,
  });

/** The one of this test run, else (a script that is no test) one of our own. */
async function findServer(): Promise<{ url: string; stop(): Promise<void> }> {
  // oxlint-disable-next-line node/no-process-env -- the only way from vitest's global set-up into a test process
  const broker = process.env[BROKER_VARIABLE];
  if (broker === undefined) return startEmbeddedPostgres();
  const response = await fetch(broker);
  const text = await response.text();
  if (!response.ok) throw new Error(`no Postgres for this test run: ${text}`);
  return { url: text, stop: () => Promise.resolve() };
}

/** One per test file, in `beforeAll` with `stop` in `afterAll`, or by `await using`. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const server = await findServer();
  // Hex digits alone, so it needs no quoting.
  const name = `test_${randomBytes(8).toString('hex')}`;
  const admin = connect(server.url);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const stop = async (): Promise<void> => {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.close();
    await server.stop();
  };
  return { url: url.href, stop, [Symbol.asyncDispose]: stop };
}
