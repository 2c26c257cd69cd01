/** A port for a server that cannot choose one itself. */
import { once } from 'node:events';
import { createServer } from 'node:net';

import { isWeirError, WeirError } from '@weir/errors';

const ATTEMPTS = 5;

/** A port that was free a moment ago. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new WeirError('INTERNAL', { detail: 'no free port' });
  return address.port;
}

/** For a server that takes long before it would find out itself. */
export function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}

/**
 * Starts on the port asked for, else (absent or 0) on a free one. Between finding that and the server's own bind another
 * process may take it: then PORT_IN_USE means the next one.
 */
export async function startOnPort<T>(asked: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (asked !== undefined && asked !== 0) return start(asked);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await findFreePort());
    } catch (err) {
      if (!isWeirError(err, 'PORT_IN_USE') || attempt === ATTEMPTS) throw err;
    }
  }
}
