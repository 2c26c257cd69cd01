/** Starts a Valkey server under a guardian, on a port of the caller's or of its own choosing. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { systemClock } from '@weir/clock';
import { isWeirError, WeirError } from '@weir/errors';
import { startGuarded, type Guarded } from '@weir/guardian';

import { findValkeyServer } from './server-binary.ts';
import type { ServerRequest } from './valkey-server.ts';

export interface EmbeddedValkeyOptions {
  /** Absent or 0: a free one. */
  readonly port?: number;
  /** Working directory; absent: a temporary one, removed at the end. */
  readonly directory?: string;
  /** Password of the default user. */
  readonly password?: string;
  /** Further command line arguments of the server, e.g. `['--databases', '2']`. */
  readonly args?: readonly string[];
}

export interface EmbeddedValkey {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 30_000;
/** Longer than the guardian itself gives the server before it kills it. */
const STOP_DEADLINE_MS = 15_000;
const FREE_PORT_ATTEMPTS = 5;

/** A port that was free a moment ago: Valkey cannot choose one itself. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new WeirError('INTERNAL', { detail: 'no free port' });
  return address.port;
}

function readReady(value: unknown): { pid: number } {
  const pid = typeof value === 'object' && value !== null && 'pid' in value ? value.pid : undefined;
  if (typeof pid !== 'number') throw new WeirError('INTERNAL', { detail: 'the guardian of Valkey named no process' });
  return { pid };
}

function startOnPort(port: number, options: EmbeddedValkeyOptions): Promise<Guarded<{ pid: number }>> {
  const request: ServerRequest = {
    binary: findValkeyServer(),
    port,
    directory: options.directory,
    password: options.password,
    args: options.args ?? [],
  };
  return startGuarded({
    entry: join(import.meta.dirname, 'valkey-guardian.ts'),
    request,
    clock: systemClock,
    startDeadlineMs: START_DEADLINE_MS,
    stopDeadlineMs: STOP_DEADLINE_MS,
    readReady,
  });
}

/** Rejects with PORT_IN_USE or SERVER_BINARY_MISSING, both with the fix in their text. */
export async function startEmbeddedValkey(options: EmbeddedValkeyOptions = {}): Promise<EmbeddedValkey> {
  const fixedPort = options.port === 0 ? undefined : options.port;
  for (let attempt = 1; ; attempt += 1) {
    const port = fixedPort ?? (await findFreePort());
    try {
      const guarded = await startOnPort(port, options);
      const user = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`;
      return { url: `redis://${user}127.0.0.1:${port}`, port, pid: guarded.ready.pid, stop: guarded.stop };
    } catch (err) {
      // Between finding a free port and the server's bind, another process may have taken it.
      const raced = fixedPort === undefined && isWeirError(err, 'PORT_IN_USE');
      if (!raced || attempt === FREE_PORT_ATTEMPTS) throw err;
    }
  }
}
