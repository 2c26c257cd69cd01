/** The repository as the checks see it: workspaces with their manifests, and the TypeScript files of each. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'rolldown/utils';

export interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
}

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly code: string;
}

export interface SourceTree {
  readonly root: Manifest;
  /** By folder from the root, such as `services/lib/clock`. */
  readonly workspaces: ReadonlyMap<string, Manifest>;
  readonly files: readonly SourceFile[];
}

const SOURCES = ['crds', 'services', 'hack', 'test-e2e', 'operator'];

export function readSourceTree(root: string): SourceTree {
  // The shape of a manifest is npm's business: a broken one has already failed the installation.
  const manifestOf = (folder: string): Manifest =>
    JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;
  const rootManifest = manifestOf('.');
  const folders = (rootManifest.workspaces ?? []).flatMap((pattern) =>
    globSync(`${pattern}/package.json`, { cwd: root }).map((file) => path.posix.dirname(file)),
  );
  const files = SOURCES.flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'dist' }),
  );
  return {
    root: rootManifest,
    workspaces: new Map(folders.map((folder) => [folder, manifestOf(folder)])),
    files: files.map((file) => ({ path: file, code: readFileSync(path.join(root, file), 'utf8') })),
  };
}

export interface Import {
  readonly specifier: string;
  /** Nothing is left of it when the types are stripped. */
  readonly isType: boolean;
}

/** What a file names: imports, re-exports, and dynamic imports of a literal. */
export function importsOf({ path: name, code }: SourceFile): readonly Import[] {
  const { module, errors } = parseSync(name, code);
  if (errors.length > 0) throw new SyntaxError(`${name}: ${errors[0]?.message ?? 'cannot be parsed'}`);
  const imports = module.staticImports.map(({ moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    isType: entries.length > 0 && entries.every((entry) => entry.isType),
  }));
  const exports = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) => (moduleRequest ? { specifier: moduleRequest.value, isType } : [])),
  );
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const specifier = /^(['"`])(.*)\1$/.exec(code.slice(start, end))?.[2];
    return specifier === undefined ? [] : { specifier, isType: false };
  });
  return [...imports, ...exports, ...dynamic];
}

/** Tests and benchmarks: they may use what products may not, and no product may import them. */
export const isTest = (file: string): boolean => /\.test\.ts$|(?:^|\/)(?:test|bench)\//.test(file);
