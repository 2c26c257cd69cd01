/** How compiled documents lie in their hash, and what their channel says of a change. */
import { keyspace } from '@weir/keyspace';

export type DocumentFamily = 'feeds' | 'policies';

/** A field larger than this is split, so that no single reply holds up a connection. */
export const DOCUMENT_BYTES_MAX = 65_536;

/** What stands in the field of a split document: a number of parts, which no JSON begins with. */
const PARTS = /^#([1-9]\d{0,5})$/;

export function familyKeys(family: DocumentFamily): { hash: string; channel: string } {
  return family === 'feeds'
    ? { hash: keyspace.feeds.key(), channel: keyspace.feedsUpdates.key() }
    : { hash: keyspace.policies.key(), channel: keyspace.policiesUpdates.key() };
}

/** The pieces of a text of at most `DOCUMENT_BYTES_MAX` bytes each, cut between characters. */
export function splitDocument(json: string): readonly string[] {
  if (json.length * 3 <= DOCUMENT_BYTES_MAX) return [json];
  const bytes = Buffer.from(json);
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + DOCUMENT_BYTES_MAX, bytes.length);
    // 10xxxxxx continues a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    pieces.push(bytes.toString('utf8', start, end));
    start = end;
  }
  return pieces;
}

/** Number of parts when a field holds a split document, else 0. */
export function countParts(text: string): number {
  return Number(PARTS.exec(text)?.[1] ?? 0);
}

/** Names of the fields that hold the parts. */
export function partFields(field: string, parts: number): readonly string[] {
  return Array.from({ length: parts }, (_, index) => `${field}#${index + 1}`);
}

/** Whether a field names a document, rather than a part of one or the sequence number. */
export function isDocumentField(field: string): boolean {
  return !field.includes('#');
}

export interface DocumentUpdate {
  readonly seq: number;
  /** The seq before it: a reader that has another one has missed something. */
  readonly previous: number;
  readonly fields: readonly string[];
}

/** `undefined` when the text is not what `publishDocuments` sends. */
export function decodeDocumentUpdate(text: string): DocumentUpdate | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // An object it is; each member is looked at before it is used.
  const { seq, previous, fields } = value as Readonly<Record<string, unknown>>;
  if (typeof seq !== 'number' || typeof previous !== 'number' || !Array.isArray(fields)) return undefined;
  if (!fields.every((field) => typeof field === 'string')) return undefined;
  return { seq, previous, fields };
}
