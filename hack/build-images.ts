/**
 * Builds the image of Weir: bundles, their bill of materials, and the Containerfile around them. Prints its size and
 * fails above the limit. `npm run images -- --help` says how.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundleProgram, findPrograms } from './bundle.ts';
import { packagesIn, readBom, selectComponents, versionsOf } from './describe-bundles.ts';

const SIZE_LIMIT_MB = 200;
const ENGINES = ['docker', 'podman', 'buildah', 'nerdctl'] as const;
type Engine = (typeof ENGINES)[number];

const HELP = `Builds the image of Weir.

Usage: npm run images -- [options]

  --tag <image>    its name (default: WEIR_IMAGE, else localhost/weir:dev)
  --base <image>   what it is built on: Node 26 as entry point (default: NODE_BASE_IMAGE, else what Containerfile says)
  --engine <name>  ${ENGINES.join(', ')} (default: CONTAINER_ENGINE, else the first of these that answers)
  --help           this text
`;

/** What needs embedded servers has no place in an image: those come from npm and are not bundled. */
export function isShipped(program: string): boolean {
  return program !== 'standalone' && !program.endsWith('-guardian');
}

/** From bytes, or from words such as "118 MB", in millions of bytes. */
export function megabytes(text: string): number {
  const [, value = '', unit = 'B'] = /^([\d.]+)\s*([kMG]?i?B)?$/.exec(text.trim()) ?? [];
  const factors: Readonly<Record<string, number>> = {
    B: 1,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    KiB: 1024,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
  };
  const bytes = Number(value) * (factors[unit] ?? Number.NaN);
  if (value === '' || Number.isNaN(bytes)) throw new Error(`"${text}" is no size`);
  return bytes / 1e6;
}

/** Throws when none of them answers. */
export function findEngine(chosen: string | undefined, answers: (engine: Engine) => boolean): Engine {
  const candidates = ENGINES.filter((engine) => chosen === undefined || engine === chosen);
  const found = candidates.find(answers);
  if (found !== undefined) return found;
  const tried = candidates.length === 0 ? `"${chosen ?? ''}" is none of ${ENGINES.join(', ')}` : candidates.join(', ');
  throw new Error(`no container engine answers: ${tried}. Install and start one, or name it in CONTAINER_ENGINE.`);
}

const answers = (engine: Engine): boolean => spawnSync(engine, ['info'], { stdio: 'ignore' }).status === 0;

/** Fills the folder with what the image holds besides its base. */
async function makeContext(root: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const program of findPrograms(root).filter(({ name }) => isShipped(name))) {
    await bundleProgram(root, program, folder);
  }
  // Their package.json files say which versions npm has installed.
  const { workspaces } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  const own = workspaces.flatMap((pattern) => globSync(pattern, { cwd: root }));
  const maps = globSync('*.map', { cwd: folder }).map((name) => path.join(folder, name));
  const packages = versionsOf(root, packagesIn(root, maps, own));
  const bom = selectComponents(readBom(root), packages, 'weir');
  writeFileSync(path.join(folder, 'sbom.cdx.json'), `${JSON.stringify(bom, null, 2)}\n`);
  copyFileSync(path.join(folder, 'sbom.cdx.json'), path.join(root, 'dist/sbom.cdx.json'));
  copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  console.log(`${maps.length} programs, ${packages.length} packages in dist/sbom.cdx.json`);
}

function revisionOf(root: string): string {
  const git = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}

interface Build {
  readonly engine: Engine;
  readonly tag: string;
  /** Absent: the default of Containerfile. */
  readonly base: string | undefined;
}

function build(root: string, folder: string, { engine, tag, base }: Build): void {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const values = { VERSION: version, REVISION: revisionOf(root), ...(base !== undefined && { BASE_IMAGE: base }) };
  const flags = Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const args = ['build', '--file', path.join(root, 'Containerfile'), '--tag', tag, ...flags, folder];
  execFileSync(engine, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

function sizeOf({ engine, tag }: Build): number {
  const args =
    engine === 'buildah'
      ? ['images', '--format', '{{.Size}}', '--noheading', tag]
      : ['image', 'inspect', '--format', '{{.Size}}', tag];
  return megabytes(execFileSync(engine, args, { encoding: 'utf8' }));
}

const given = (...values: readonly (string | undefined)[]): string | undefined =>
  values.find((value) => value !== undefined && value !== '');

async function main(root: string): Promise<number> {
  const { values } = parseArgs({
    options: {
      tag: { type: 'string' },
      base: { type: 'string' },
      engine: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { WEIR_IMAGE, NODE_BASE_IMAGE, CONTAINER_ENGINE } = process.env;
  const wanted: Build = {
    engine: findEngine(given(values.engine, CONTAINER_ENGINE), answers),
    tag: given(values.tag, WEIR_IMAGE) ?? 'localhost/weir:dev',
    base: given(values.base, NODE_BASE_IMAGE),
  };
  const folder = path.join(root, 'dist/image');
  await makeContext(root, folder);
  build(root, folder, wanted);
  const size = sizeOf(wanted);
  console.log(`${wanted.tag}  ${size.toFixed(0)} MB, built with ${wanted.engine}`);
  if (size <= SIZE_LIMIT_MB) return 0;
  console.error(`the image exceeds ${SIZE_LIMIT_MB} MB: choose a smaller base, or look for what a bundle has taken in`);
  return 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(path.resolve(import.meta.dirname, '..'));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
