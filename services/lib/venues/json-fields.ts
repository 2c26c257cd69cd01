/** Reading of untrusted JSON: every reader answers `undefined` for what is not there in the expected form. */
import type { IgnoredEvent } from './venue-event.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Any JSON value; `undefined` when the text is not JSON (which no JSON text is parsed to). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function objectOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // What JSON.parse makes of an object has text keys and unknown values.
  return value as Fields;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((item): item is string => typeof item === 'string' && item !== '');
}

/** What the rows mean, each when it is asked for: a long list need not hold everything else up. Others are left out. */
export function* decodeRows<T>(rows: readonly unknown[], decode: (row: Fields) => T | undefined): Generator<T> {
  for (const row of rows) {
    const fields = objectOf(row);
    const item = fields === undefined ? undefined : decode(fields);
    if (item !== undefined) yield item;
  }
}

/** An integer that arrived exactly. */
export function integerOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? Number(value) : undefined;
}

const EXCERPT_LENGTH_MAX = 60;

/** A venue's text inside a message of ours: quoted and short. */
export function excerpt(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value;
  return JSON.stringify(text.length > EXCERPT_LENGTH_MAX ? `${text.slice(0, EXCERPT_LENGTH_MAX)}…` : text);
}

export function ignored(why: string): IgnoredEvent {
  return { kind: 'ignored', why };
}

/** Why a frame that is no JSON object is of no use. */
export function ignoredText(frame: string): IgnoredEvent {
  if (frame.trim() === '') return ignored('empty frame');
  return ignored('not a JSON object');
}
