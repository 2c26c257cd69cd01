/** Reads the folder of resources and compiles it, or names every fault of every file at once. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  compileApiKeyPolicy,
  compilePriceFeed,
  createResourceReader,
  ResourceError,
  shareQuotas,
  type LocatedResource,
  type ResourceFault,
} from '@weir/crds';
import { WeirError } from '@weir/errors';
import type { FeedDocument, PolicyDocument } from '@weir/wire';
import { findConflicts } from './find-conflicts.ts';

export interface Documents {
  readonly feeds: readonly FeedDocument[];
  readonly policies: readonly PolicyDocument[];
}

/** Throws ResourceError, or CONFIG_INVALID when there is nothing to read. */
export async function loadResources(folder: string): Promise<Documents> {
  const reader = createResourceReader();
  const located: LocatedResource[] = [];
  const faults: ResourceFault[] = [];
  for (const file of await listFiles(folder)) {
    const shown = path.relative('', path.join(folder, file));
    const outcome = reader.read(await readFile(path.join(folder, file), 'utf8'), shown);
    located.push(...outcome.resources);
    faults.push(...outcome.faults);
  }
  // A file that cannot be read may hold what another one seems to lack.
  if (faults.length === 0) faults.push(...findConflicts(located));
  if (faults.length > 0) throw new ResourceError(faults);
  const resources = located.map(({ resource }) => resource);
  const feeds = resources.filter((resource) => resource.kind === 'PriceFeed').map(compilePriceFeed);
  const policies = resources.filter((resource) => resource.kind === 'ApiKeyPolicy').map(compileApiKeyPolicy);
  if (feeds.length === 0) {
    throw new WeirError('CONFIG_INVALID', {
      detail: `${folder} declares no PriceFeed. Add a YAML file with one, such as crds/examples/majors.yaml.`,
    });
  }
  return { feeds: shareQuotas(feeds), policies };
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  } catch (cause) {
    const isFile = cause instanceof Error && 'code' in cause && cause.code === 'ENOTDIR';
    const detail = isFile
      ? `${folder} is a file. Name the folder that holds it: --resources ${path.dirname(folder)}`
      : `The folder of resources ${folder} cannot be read. Name one that exists with --resources <folder>.`;
    throw new WeirError('CONFIG_INVALID', { detail, cause });
  }
}
