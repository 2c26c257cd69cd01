/** Reads documents out of their hash such that all that one read answers belongs to one sequence number. */
import { keyspace } from '@weir/keyspace';

import type { ValkeyClient } from './client.ts';
import { countParts, familyKeys, isDocumentField, partFields, type DocumentFamily } from './document-format.ts';

export interface DocumentTexts {
  /** 0 when the hash is gone. */
  readonly seq: number;
  /** JSON by field; `undefined` for a document that is not there. */
  readonly texts: ReadonlyMap<string, string | undefined>;
}

/** The hash has changed between two replies. */
class Moved extends Error {}

const FIELDS_PER_CALL = 100;
const ATTEMPTS = 5;

const SEQ = keyspace.documentSeqField.key();

async function readFields(client: ValkeyClient, hash: string, fields: readonly string[]) {
  // HMGET answers a text or null for each field asked for.
  const reply = (await client.call('HMGET', hash, SEQ, ...fields)) as (string | null)[];
  return { seq: Number(reply[0] ?? 0), values: reply.slice(1).map((value) => value ?? undefined) };
}

export async function readSeq(client: ValkeyClient, family: DocumentFamily): Promise<number> {
  return Number((await client.call('HGET', familyKeys(family).hash, SEQ)) ?? 0);
}

async function readOnce(client: ValkeyClient, hash: string, fields: readonly string[], seq: number) {
  const texts = new Map<string, string | undefined>();
  const read = async (names: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const reply = await readFields(client, hash, names);
    if (reply.seq !== seq) throw new Moved();
    return reply.values;
  };
  for (let start = 0; start < fields.length; start += FIELDS_PER_CALL) {
    const names = fields.slice(start, start + FIELDS_PER_CALL);
    const values = await read(names);
    for (const [index, name] of names.entries()) texts.set(name, values[index]);
  }
  for (const [field, text] of texts) {
    const parts = partFields(field, countParts(text ?? ''));
    const pieces: (string | undefined)[] = [];
    for (const part of parts) pieces.push(...(await read([part])));
    if (parts.length > 0) texts.set(field, pieces.join(''));
  }
  return texts;
}

/** `select` names the fields to read, given all that there are. */
async function readSettled(
  client: ValkeyClient,
  family: DocumentFamily,
  select: (hash: string) => Promise<readonly string[]>,
): Promise<DocumentTexts> {
  const { hash } = familyKeys(family);
  for (let attempt = 1; ; attempt += 1) {
    const seq = await readSeq(client, family);
    if (seq === 0) return { seq, texts: new Map() };
    try {
      return { seq, texts: await readOnce(client, hash, await select(hash), seq) };
    } catch (err) {
      if (!(err instanceof Moved) || attempt === ATTEMPTS) throw err;
    }
  }
}

/** The given documents. */
export function readDocuments(
  client: ValkeyClient,
  family: DocumentFamily,
  fields: readonly string[],
): Promise<DocumentTexts> {
  return readSettled(client, family, () => Promise.resolve(fields));
}

/** Every document whose field is wanted. */
export function readAllDocuments(
  client: ValkeyClient,
  family: DocumentFamily,
  isWanted: (field: string) => boolean,
): Promise<DocumentTexts> {
  return readSettled(client, family, async (hash) => {
    // HKEYS answers texts.
    const names = (await client.call('HKEYS', hash)) as string[];
    return names.filter((name) => isDocumentField(name) && isWanted(name));
  });
}
