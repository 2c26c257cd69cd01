/** Real stores with the tables of keys, and a Postgres that counts what it is asked. */
import { systemClock } from '@weir/clock';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import { createTestTelemetry, silentLogger, startTestPostgres, startTestValkey, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { keyMigrations } from '../index.ts';

export const parts = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };

export interface Stores {
  readonly server: TestValkey;
  readonly valkey: Valkey;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  stop(): Promise<void>;
}

export function openValkey(url: string, decideMs = 5_000): Valkey {
  return createValkey({ ...parts, target: parseValkeyUrl(url), clientName: 'test', deadlines: { decideMs } });
}

export async function startStores(): Promise<Stores> {
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  const valkey = openValkey(server.url);
  const postgres = createPostgres({ ...parts, url: database.url });
  await valkey.ready();
  await migrate(postgres, keyMigrations, silentLogger);
  return {
    server,
    valkey,
    postgres,
    postgresUrl: database.url,
    async stop() {
      server.resume();
      await valkey.close();
      await postgres.close();
      await Promise.all([server.stop(), database.stop()]);
    },
  };
}

export interface CountedPostgres extends Postgres {
  readonly queries: number;
}

/** `after` runs between the answer of Postgres and whoever asked. */
export function countQueries(
  postgres: Postgres,
  after: () => Promise<void> = () => Promise.resolve(),
): CountedPostgres {
  let queries = 0;
  return {
    get queries() {
      return queries;
    },
    async query(statement, values) {
      queries += 1;
      const rows = await postgres.query(statement, values);
      await after();
      return rows;
    },
    transaction: (run, options) => postgres.transaction(run, options),
    healthy: () => postgres.healthy(),
    close: () => postgres.close(),
  };
}
