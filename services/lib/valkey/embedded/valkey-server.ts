/** The server as its guardian sees it: a child process, ready when it says so, stopped by a signal. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { systemClock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { GuardedServer } from '@weir/guardian';

export interface ServerRequest {
  readonly binary: string;
  readonly port: number;
  /** What sets the port, as the caller's user knows it. */
  readonly portSetting: string | undefined;
  readonly directory: string | undefined;
  readonly password: string | undefined;
  readonly args: readonly string[];
}

type ServerProcess = ChildProcessByStdio<Writable, Readable, Readable>;

const TERM_GRACE_MS = 3_000;
const LOG_CHARS_MAX = 4_000;

/** Quotes a value for Valkey's configuration syntax. */
const quote = (value: string): string => `"${value.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;

function configuration(request: ServerRequest, directory: string): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${request.port}`,
    `dir ${quote(directory)}`,
    'daemonize no',
    'save ""',
    'appendonly no',
    // Weir keeps nothing here that may vanish on its own.
    'maxmemory-policy noeviction',
  ];
  if (request.password !== undefined) lines.push(`requirepass ${quote(request.password)}`);
  return `${lines.join('\n')}\n`;
}

function startFailure(request: ServerRequest, log: string): WeirError {
  if (/address already in use|failed listening on port/i.test(log)) {
    const { port, portSetting } = request;
    const by = portSetting === undefined ? '' : ` with ${portSetting}`;
    const detail = `Port ${port} for Valkey is taken by another process. Stop that process, or choose another port${by}.`;
    return new WeirError('PORT_IN_USE', { detail });
  }
  return new WeirError('INTERNAL', { detail: `Valkey ended at start: ${log.trim()}` });
}

function untilReady(server: ServerProcess, request: ServerRequest): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let log = '';
  const read = (chunk: string): void => {
    log = (log + chunk).slice(-LOG_CHARS_MAX);
    if (log.includes('Ready to accept connections')) resolve();
  };
  server.stdout.setEncoding('utf8').on('data', read);
  server.stderr.setEncoding('utf8').on('data', read);
  server.once('error', (err) => reject(new WeirError('INTERNAL', { detail: `Valkey did not start: ${err.message}` })));
  server.once('close', () => reject(startFailure(request, log)));
  return promise.finally(() => {
    // Keep the pipes flowing, or a talkative server would block on them.
    server.stdout.off('data', read).resume();
    server.stderr.off('data', read).resume();
  });
}

async function stopServer(server: ServerProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  // A server halted by a test (SIGSTOP) sees no SIGTERM before it goes on.
  server.kill('SIGCONT');
  const timer = systemClock.setTimeout(() => server.kill('SIGKILL'), TERM_GRACE_MS);
  await exited;
  timer.cancel();
}

export function createValkeyServer(): GuardedServer {
  let server: ServerProcess | undefined;
  let temporary: string | undefined;
  let starting: Promise<{ pid: number | undefined }> | undefined;

  const start = async (request: ServerRequest): Promise<{ pid: number | undefined }> => {
    const directory = request.directory ?? (temporary = await mkdtemp(join(tmpdir(), 'weir-valkey-')));
    // "-": the configuration comes on stdin, so that no password shows in the list of processes.
    server = spawn(request.binary, ['-', ...request.args], { stdio: ['pipe', 'pipe', 'pipe'] });
    server.stdin.on('error', () => {});
    server.stdin.end(configuration(request, directory));
    await untilReady(server, request);
    return { pid: server.pid };
  };
  return {
    start(request) {
      // Sent by startEmbeddedValkey of this same version, through the guardian's private channel.
      starting = start(request as ServerRequest);
      return starting;
    },
    async stop() {
      // A server that is only just starting would be missed otherwise, and what it has put on disk would stay.
      await starting?.catch(() => {});
      if (server !== undefined) await stopServer(server);
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  };
}
