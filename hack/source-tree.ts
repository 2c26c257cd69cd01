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

/** The module specifiers of a file: imports, re-exports, types included, and dynamic imports of a literal. */
export function importsOf({ path: name, code }: SourceFile): readonly string[] {
  const { module, errors } = parseSync(name, code);
  if (errors.length > 0) throw new SyntaxError(`${name}: ${errors[0]?.message ?? 'cannot be parsed'}`);
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => code.slice(start, end));
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...dynamic.flatMap((text) => /^(['"`])(.*)\1$/.exec(text)?.[2] ?? []),
  ];
}

/** Tests and benchmarks: they may use what products may not, and no product may import them. */
export const isTest = (file: string): boolean => /\.test\.ts$|(?:^|\/)(?:test|bench)\//.test(file);
