/** Starts a Postgres server under a guardian, on a port of the caller's or of its own choosing. */
import { extname, join } from 'node:path';

import { systemClock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import { startGuarded, startOnPort } from '@weir/guardian';

import type { ServerRequest } from './postgres-server.ts';

export interface EmbeddedPostgresOptions {
  /** Absent or 0: a free one. */
  readonly port?: number;
  /** Named when the port is taken. */
  readonly portSetting?: string;
  /** Where the data is kept from one start to the next; absent: a temporary directory, removed at the end. */
  readonly directory?: string;
}

export interface EmbeddedPostgres {
  /** With its password, for a user that may do everything. */
  readonly url: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 30_000;

function readReady(value: unknown): string {
  const url = typeof value === 'object' && value !== null && 'url' in value ? value.url : undefined;
  if (typeof url !== 'string') throw new WeirError('INTERNAL', { detail: 'the guardian of Postgres named no address' });
  return url;
}

/** Rejects with PORT_IN_USE, or with what keeps Postgres from its program or its directory; with the fix in the text. */
export function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  return startOnPort(options.port, async (port) => {
    const { portSetting, directory } = options;
    const request: ServerRequest = { port, portSetting, directory };
    const { ready, stop } = await startGuarded({
      // A program of its own beside this one: .ts from source, .mjs in bundles.
      entry: join(import.meta.dirname, `postgres-guardian${extname(import.meta.filename)}`),
      request,
      clock: systemClock,
      startDeadlineMs: START_DEADLINE_MS,
      stopDeadlineMs: STOP_DEADLINE_MS,
      readReady,
    });
    return { url: ready, port, stop };
  });
}
