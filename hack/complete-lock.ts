/**
 * Completes package-lock.json with the optional packages of other platforms that a registry did not know when the lock
 * file was written. Without an entry for each, `npm ci` refuses the lock file; a mirror may hold those of its own
 * platform alone. Such an entry has no integrity: it is only ever installed on the platform it names.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { GeneratedFile } from './generated-file.ts';

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [member: string]: unknown;
}

interface LockFile {
  readonly packages: Record<string, LockedPackage>;
  readonly [member: string]: unknown;
}

const OPERATING_SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const C_LIBRARIES: Readonly<Record<string, string>> = { gnu: 'glibc', musl: 'musl' };

/** What a name such as `@rolldown/binding-linux-arm64-gnu` says of its platform; `undefined` when it says nothing. */
export function platformOf(name: string): { os?: string[]; cpu: string[]; libc?: string[] } | undefined {
  const words = name.split(/[/-]/);
  const os = words.find((word) => OPERATING_SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  const libc = C_LIBRARIES[words.at(-1) ?? ''];
  if (cpu === undefined) return undefined;
  return { ...(os !== undefined && { os: [os] }), cpu: [cpu], ...(libc !== undefined && { libc: [libc] }) };
}

/** Folders in which the package at `place` looks for another, nearest first: its own, then those around it. */
function searchPath(place: string): readonly string[] {
  const around = place.split('/node_modules/').slice(0, -1);
  const enclosing = around.map((_, index) => `${around.slice(0, index + 1).join('/node_modules/')}/node_modules/`);
  return [`${place}/node_modules/`, ...enclosing.toReversed(), 'node_modules/'];
}

/** Where an entry has to be added for `place` to find this version; `undefined` when it finds it already. */
function placeFor(packages: LockFile['packages'], place: string, name: string, version: string): string | undefined {
  const folders = searchPath(place);
  const found = folders.findIndex((folder) => packages[`${folder}${name}`] !== undefined);
  if (found === -1) return `node_modules/${name}`;
  if (packages[`${folders[found] ?? ''}${name}`]?.version === version) return undefined;
  // Another version is in the way: go nearer than that, and no nearer than needed.
  return `${folders[Math.max(0, found - 1)] ?? ''}${name}`;
}

/** The lock file with an entry for every optional dependency of an exact version. */
export function completeLock(lock: LockFile): LockFile {
  const packages = { ...lock.packages };
  for (const [parentPlace, parent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      if (platform === undefined || !/^\d/.test(version)) continue;
      const place = placeFor(packages, parentPlace, name, version);
      if (place === undefined) continue;
      packages[place] = { version, ...platform, ...(parent.dev === true && { dev: true }), optional: true };
    }
  }
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

export function generateLock(): readonly GeneratedFile[] {
  const name = 'package-lock.json';
  // npm's own format, version 3, and npm's own layout.
  const lock = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '..', name), 'utf8')) as LockFile;
  return [{ path: name, text: `${JSON.stringify(completeLock(lock), null, 2)}\n`, hasOwnLayout: true }];
}
