/**
 * Global set-up of the integration tests: one Postgres for the whole run, started when the first test asks for it.
 *
 * Test files run in processes of their own and find it by the environment variable below.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

import { startEmbeddedPostgres, type EmbeddedPostgres } from '@weir/postgres/embedded';

export const BROKER_VARIABLE = 'WEIR_TEST_POSTGRES_BROKER';

export async function setup(): Promise<() => Promise<void>> {
  let postgres: Promise<EmbeddedPostgres> | undefined;
  const broker = createServer((_req, res) => {
    postgres ??= startEmbeddedPostgres();
    postgres.then(
      ({ url }) => res.end(url),
      (err: unknown) => res.writeHead(500).end(String(err)),
    );
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const address = broker.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  // oxlint-disable-next-line node/no-process-env -- the only way from vitest's global set-up into a test process
  process.env[BROKER_VARIABLE] = `http://127.0.0.1:${address.port}`;
  return async () => {
    broker.close();
    broker.closeAllConnections();
    const started = await postgres?.catch(() => undefined);
    await started?.stop();
  };
}
