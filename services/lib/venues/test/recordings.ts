/** Finds the recorded traffic beside the repository; it may not be there, its licences keep it out of the repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { venues } from '../index.ts';

/** `undefined` where the recordings are absent: tests that need them skip themselves. */
export function findRecordings(): string | undefined {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, '..', 'shared', 'recordings');
    if (existsSync(join(folder, 'package-lock.json'))) return existsSync(candidate) ? candidate : undefined;
    if (dirname(folder) === folder) return undefined;
  }
}

export interface RecordedFile {
  readonly name: string;
  readonly frames: readonly string[];
}

/** Every text file of a venue as the frames it holds; of some venues there is none. */
export function readFrames(recordings: string, venue: string): RecordedFile[] {
  const folder = join(recordings, venue);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  return names
    .filter((name) => /\.jsonl?$/.test(name))
    .map((name) => ({ name, frames: framesOf(name, readFileSync(join(folder, name), 'utf8')) }));
}

/** The frames of all venues, by venue; none where the recordings are absent. */
export function readRecordedFrames(): Readonly<Record<string, readonly string[]>> {
  const recordings = findRecordings();
  if (recordings === undefined) return {};
  return Object.fromEntries(
    Object.keys(venues).map((id) => [id, readFrames(recordings, id).flatMap(({ frames }) => frames)]),
  );
}

function framesOf(name: string, text: string): string[] {
  if (name.endsWith('.json')) return [text];
  const lines = text.split('\n').filter((line) => line !== '');
  if (!name.includes('.subset.')) return lines;
  return lines.flatMap((line) => {
    // The format of README.md beside the recordings.
    const { dir, raw } = JSON.parse(line) as { readonly dir: string; readonly raw: string };
    return dir === 'in' ? [raw] : [];
  });
}
