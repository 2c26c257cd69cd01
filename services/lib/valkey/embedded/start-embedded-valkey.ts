/** Starts a Valkey server under a guardian, on a port of the caller's or of its own choosing. */
import { extname, join } from 'node:path';

import { systemClock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import { startGuarded, startOnPort } from '@weir/guardian';

import { findValkeyServer } from './server-binary.ts';
import type { ServerRequest } from './valkey-server.ts';

export interface EmbeddedValkeyOptions {
  /** Absent or 0: a free one. */
  readonly port?: number;
  /** Named when the port is taken. */
  readonly portSetting?: string;
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
  /** Of the server itself. */
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

const START_DEADLINE_MS = 30_000;
/** Longer than the guardian itself gives the server before it kills it. */
const STOP_DEADLINE_MS = 15_000;

function readReady(value: unknown): { pid: number } {
  const pid = typeof value === 'object' && value !== null && 'pid' in value ? value.pid : undefined;
  if (typeof pid !== 'number') throw new WeirError('INTERNAL', { detail: 'the guardian of Valkey named no process' });
  return { pid };
}

/** Rejects with PORT_IN_USE or SERVER_BINARY_MISSING, both with the fix in their text. */
export function startEmbeddedValkey(options: EmbeddedValkeyOptions = {}): Promise<EmbeddedValkey> {
  const { portSetting, directory, password, args = [] } = options;
  return startOnPort(options.port, async (port) => {
    const request: ServerRequest = { binary: findValkeyServer(), port, portSetting, directory, password, args };
    const { ready, stop } = await startGuarded({
      // A program of its own beside this one: .ts from source, .mjs in bundles.
      entry: join(import.meta.dirname, `valkey-guardian${extname(import.meta.filename)}`),
      request,
      clock: systemClock,
      startDeadlineMs: START_DEADLINE_MS,
      stopDeadlineMs: STOP_DEADLINE_MS,
      readReady,
    });
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return { url: `redis://${user}127.0.0.1:${port}`, port, pid: ready.pid, stop };
  });
}
