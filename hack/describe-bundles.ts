/**
 * A software bill of materials (CycloneDX) of what the bundles contain. npm describes the packages; the source maps say
 * which of them are inside. npm's own `--omit dev` would not do: it drops what ships and is also a tool of development.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly [member: string]: unknown;
}

export interface Bom {
  readonly metadata: { readonly component: Component; readonly [member: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  readonly [member: string]: unknown;
}

/** Folder of the innermost package that a source belongs to, from the root; `undefined` for code of no package. */
export function packageOf(source: string, workspaces: readonly string[]): string | undefined {
  const installed = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(source)?.[0];
  return installed ?? workspaces.find((folder) => source.startsWith(`${folder}/`));
}

/** Every package that has a source in one of the bundles' maps, once, by its folder. */
export function packagesIn(root: string, maps: readonly string[], workspaces: readonly string[]): readonly string[] {
  const sources = maps.flatMap((file) => {
    // Written by rolldown, beside the bundle.
    const map = JSON.parse(readFileSync(file, 'utf8')) as { sources: readonly string[] };
    return map.sources.map((source) => path.relative(root, path.resolve(path.dirname(file), source)));
  });
  const folders = sources.map((source) => packageOf(source.replaceAll(path.sep, '/'), workspaces));
  return [...new Set(folders)].filter((folder) => folder !== undefined).toSorted();
}

/** As a bill names it. */
export interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

export function versionsOf(root: string, folders: readonly string[]): readonly PackageVersion[] {
  return folders.map((folder) => {
    // Every package has both, or npm would not have installed it.
    const text = readFileSync(path.join(root, folder, 'package.json'), 'utf8');
    const { name, version } = JSON.parse(text) as PackageVersion;
    return { name, version };
  });
}

/**
 * Leaves the components of these packages, and what holds between them. Without number and time, so that the same bundles
 * have the same bill. Throws when npm does not know one of them.
 */
export function selectComponents(bom: Bom, packages: readonly PackageVersion[], productName: string): Bom {
  // npm calls a workspace by its folder, and only its reference says the name of the package.
  const wanted = new Map(packages.map(({ name, version }) => [`${name}@${version}`, name]));
  const components = bom.components.flatMap((component) => {
    const name = wanted.get(component['bom-ref']);
    return name === undefined ? [] : [{ ...component, name }];
  });
  const missing = [...wanted.keys()].filter((id) => !components.some((component) => component['bom-ref'] === id));
  if (missing.length > 0) throw new Error(`npm does not describe ${missing.join(', ')}: run \`npm ci\``);
  const product = { ...bom.metadata.component, name: productName, type: 'application' };
  const inside = new Set(components.map((component) => component['bom-ref']));
  const { timestamp: _timestamp, ...metadata } = bom.metadata;
  const { serialNumber: _serialNumber, ...rest } = bom;
  return {
    ...rest,
    metadata: { ...metadata, component: product },
    components,
    dependencies: [
      { ref: product['bom-ref'], dependsOn: [...inside] },
      ...bom.dependencies
        .filter(({ ref }) => inside.has(ref))
        .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => inside.has(other)) })),
    ],
  };
}

/** As npm sees the installed tree. */
export function readBom(root: string): Bom {
  const json = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64_000_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // CycloneDX 1.5, of which this much is used.
  return JSON.parse(json) as Bom;
}
