/** Holds every import of the tree against `hack/import-table.ts`; exits 1 and names each forbidden one. */
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { exclusives, layers, testOnly } from './import-table.ts';
import {
  importsOf,
  isTest,
  readSourceTree,
  type Import,
  type Manifest,
  type SourceFile,
  type SourceTree,
} from './source-tree.ts';

const SCOPE = '@weir/';

export interface ImportFault {
  readonly rule:
    | 'unknown-package'
    | 'forbidden-package'
    | 'undeclared'
    | 'not-exported'
    | 'relative-escape'
    | 'test-in-product'
    | 'exclusive'
    | 'node-prefix'
    | 'cycle';
  readonly where: string;
  readonly problem: string;
}

interface Home {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The workspace a file lies in; `undefined` for hack and the like, which belong to the root. */
function homeOf(tree: SourceTree, file: string): Home | undefined {
  for (const [folder, manifest] of tree.workspaces) if (file.startsWith(`${folder}/`)) return { folder, manifest };
  return undefined;
}

/** `@scope/name/sub/path` is package `@scope/name` and subpath `./sub/path`. */
function splitSpecifier(specifier: string): { readonly name: string; readonly subpath: string } {
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  return { name: parts.slice(0, length).join('/'), subpath: ['.', ...parts.slice(length)].join('/') };
}

type Finding = Omit<ImportFault, 'where'>;

function checkRelative(tree: SourceTree, file: string, specifier: string): readonly Finding[] {
  const home = homeOf(tree, file);
  const target = path.posix.join(path.posix.dirname(file), specifier);
  if (home !== undefined && !target.startsWith(`${home.folder}/`)) {
    return [{ rule: 'relative-escape', problem: `${specifier} leaves the package: import it by its name` }];
  }
  // hack runs the benchmarks; it ships nothing.
  if (home !== undefined && isTest(target) && !isTest(file)) {
    return [{ rule: 'test-in-product', problem: `${specifier} is a test` }];
  }
  return [];
}

function checkWorkspaceImport(tree: SourceTree, file: string, specifier: string): readonly Finding[] {
  const { name, subpath } = splitSpecifier(specifier);
  const target = [...tree.workspaces.values()].find((manifest) => manifest.name === name);
  if (target === undefined) return [{ rule: 'unknown-package', problem: `${name} is no workspace` }];
  const findings: Finding[] = [];
  if (target.exports?.[subpath] === undefined) {
    findings.push({ rule: 'not-exported', problem: `${name} does not export ${subpath}` });
  }
  const home = homeOf(tree, file);
  if (home === undefined || home.manifest.name === name) return findings;
  const own = home.manifest.name.slice(SCOPE.length);
  const layer = layers.find(({ packages }) => packages.includes(own));
  const allowed = [...(layer?.mayImport ?? []), ...(isTest(file) ? testOnly : [])];
  if (!allowed.includes(name.slice(SCOPE.length))) {
    findings.push({ rule: 'forbidden-package', problem: `${own} may not import ${name}: see hack/import-table.ts` });
  }
  return findings;
}

/**
 * Product code declares what it runs with; a type leaves nothing to run, so it may come from the development
 * dependencies. Tests and hack are tools of the whole repository: what the root declares is theirs too.
 */
function checkDeclared(
  tree: SourceTree,
  file: string,
  { name, isType }: { name: string; isType: boolean },
): readonly Finding[] {
  const home = homeOf(tree, file);
  if (home?.manifest.name === name) return [];
  const isTool = isTest(file) || home === undefined;
  const declared = {
    ...home?.manifest.dependencies,
    ...((isTool || isType) && home?.manifest.devDependencies),
    ...(isTool && tree.root.devDependencies),
  };
  if (declared[name] !== undefined) return [];
  return [{ rule: 'undeclared', problem: `${name} is not declared in ${home?.folder ?? '.'}/package.json` }];
}

function checkExclusive(tree: SourceTree, file: string, name: string): readonly Finding[] {
  if (homeOf(tree, file) === undefined) return [];
  return exclusives
    .filter(({ npm }) => npm.some((of) => (of.endsWith('/') ? name.startsWith(of) : name === of)))
    .filter(({ folders }) => !folders.some((folder) => file.startsWith(`${folder}/`)))
    .map(({ folders, why }) => ({ rule: 'exclusive', problem: `${name} only in ${folders.join(', ')}: ${why}` }));
}

function checkImport(tree: SourceTree, file: string, { specifier, isType }: Import): readonly Finding[] {
  if (specifier.startsWith('.')) return checkRelative(tree, file, specifier);
  if (specifier.startsWith('node:')) return [];
  if (isBuiltin(specifier)) return [{ rule: 'node-prefix', problem: `write node:${specifier}` }];
  const { name } = splitSpecifier(specifier);
  const ofWorkspace = name.startsWith(SCOPE) ? checkWorkspaceImport(tree, file, specifier) : [];
  return [...ofWorkspace, ...checkDeclared(tree, file, { name, isType }), ...checkExclusive(tree, file, name)];
}

/** Packages whose product code imports itself by way of others. */
function findCycles(tree: SourceTree, imports: ReadonlyMap<SourceFile, readonly Import[]>): readonly ImportFault[] {
  const edges = new Map<string, Set<string>>();
  for (const [file, found] of imports) {
    const from = homeOf(tree, file.path)?.manifest.name;
    if (from === undefined || isTest(file.path)) continue;
    const targets = edges.get(from) ?? new Set();
    for (const { specifier } of found) if (specifier.startsWith(SCOPE)) targets.add(splitSpecifier(specifier).name);
    targets.delete(from);
    edges.set(from, targets);
  }
  const faults = new Map<string, ImportFault>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start !== -1) {
      const cycle = trail.slice(start);
      const problem = [...cycle, name].join(' → ');
      faults.set(cycle.toSorted().join(), { rule: 'cycle', where: name, problem });
      return;
    }
    for (const next of edges.get(name) ?? []) visit(next, [...trail, name]);
  };
  for (const name of edges.keys()) visit(name, []);
  return [...faults.values()];
}

export function checkImports(tree: SourceTree): readonly ImportFault[] {
  const listed = new Set(layers.flatMap(({ packages }) => packages.map((name) => `${SCOPE}${name}`)));
  const unlisted = [...tree.workspaces]
    .filter(([, { name }]) => !listed.has(name))
    .map(([folder, { name }]) => ({
      rule: 'unknown-package' as const,
      where: `${folder}/package.json`,
      problem: `${name} has no row in hack/import-table.ts`,
    }));
  const imports = new Map(tree.files.map((file) => [file, importsOf(file)]));
  const faults = [...imports].flatMap(([file, found]) =>
    found.flatMap((one) => checkImport(tree, file.path, one).map((finding) => ({ ...finding, where: file.path }))),
  );
  return [...unlisted, ...faults, ...findCycles(tree, imports)];
}

if (import.meta.main) {
  const tree = readSourceTree(path.resolve(import.meta.dirname, '..'));
  const faults = checkImports(tree);
  for (const { rule, where, problem } of faults) console.error(`${where}: ${problem} [${rule}]`);
  console.log(`${tree.files.length} files in ${tree.workspaces.size} workspaces, ${faults.length} forbidden imports`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
