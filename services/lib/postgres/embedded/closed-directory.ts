/** Finds what keeps another user from a path: a directory above it that others may not enter. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const OTHERS_MAY_ENTER = 0o001;

/** The uppermost directory above `path` that is closed to others; `undefined` when all are open. */
export async function findClosedDirectory(path: string): Promise<string | undefined> {
  const directory = dirname(path);
  if (directory === path) return undefined;
  const above = await findClosedDirectory(directory);
  if (above !== undefined) return above;
  const { mode } = await stat(directory);
  return (mode & OTHERS_MAY_ENTER) === 0 ? directory : undefined;
}
