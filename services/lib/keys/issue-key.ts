/**
 * Issues and revokes keys: Postgres first, which is the truth, then every form of the key in Valkey.
 *
 * A fresh text and one that was taken from a Secret go one path: the hash decides whether the key is there already.
 */
import { WeirError } from '@weir/errors';
import type { Postgres, Queries } from '@weir/postgres';
import type { ValkeyClient } from '@weir/valkey';
import type { ApiKeyRecord } from '@weir/wire';
import {
  ensureProject,
  findHashesOfKey,
  findKeysByHash,
  insertKey,
  lockKeyHash,
  markKeyRevoked,
  updateKeyGrant,
} from './key-statements.ts';
import { checkKeyText, createKeyText, hashKeyText, type KeyMode } from './key-text.ts';
import { storeKey } from './store-key.ts';

export interface IssueKeyRequest {
  readonly name: string;
  /** Name of the project, created when there is none. */
  readonly project: string;
  readonly tier: string;
  /** `<ns>/<name>` of the policy that binds the key; "" leaves it to the tier. */
  readonly policy: string;
  readonly expiresAtMs?: number;
  /** A text to take; absent: a fresh one is made. */
  readonly text?: string;
  /** Of a fresh text; "live" when absent. */
  readonly mode?: KeyMode;
}

export interface IssuedKey {
  readonly text: string;
  readonly record: ApiKeyRecord;
}

/**
 * Issuing the same text again gives the key the new name, tier, policy and expiry, and keeps its id; it does not lift a
 * revocation. When Valkey does not answer a new key is issued all the same and found in Postgres at its first use; for
 * a key that was there already it rejects, since what Valkey may hold of it would count for a day: repeat it.
 */
export async function issueKey(postgres: Postgres, client: ValkeyClient, request: IssueKeyRequest): Promise<IssuedKey> {
  const text = request.text ?? createKeyText(request.mode ?? 'live');
  if (!checkKeyText(text)) throw new WeirError('KEY_MALFORMED');
  const sha256 = hashKeyText(text);
  const { record, isNew, hashes } = await postgres.transaction((tx) => writeKey(tx, request, sha256));
  const storing = storeEverywhere(client, hashes, record);
  await (isNew ? storing.catch(ignoreLostCache) : storing);
  return { text, record };
}

interface WrittenKey {
  readonly record: ApiKeyRecord;
  readonly isNew: boolean;
  /** Every one under which the key can be asked for. */
  readonly hashes: readonly string[];
}

async function writeKey(queries: Queries, request: IssueKeyRequest, sha256: string): Promise<WrittenKey> {
  const { name, tier, policy, expiresAtMs } = request;
  await lockKeyHash(queries, sha256);
  const projectId = await ensureProject(queries, request.project);
  const known = (await findKeysByHash(queries, [sha256])).get(sha256);
  const grant = { name, tier, policy, expiresAtMs };
  if (known === undefined) {
    return { record: await insertKey(queries, grant, projectId, sha256), isNew: true, hashes: [sha256] };
  }
  if (known.projectId !== projectId) {
    throw new WeirError('RESOURCE_INVALID', { detail: 'This key text belongs to another project already.' });
  }
  const record = await updateKeyGrant(queries, grant, known.id);
  return { record, isNew: false, hashes: await findHashesOfKey(queries, known.id) };
}

/** `undefined` when there is no key of this id. Rejects when Valkey does not answer: the caller repeats it until it does. */
export async function revokeKey(
  postgres: Postgres,
  client: ValkeyClient,
  keyId: string,
): Promise<ApiKeyRecord | undefined> {
  const record = await markKeyRevoked(postgres, keyId);
  if (record === undefined) return undefined;
  await storeEverywhere(client, await findHashesOfKey(postgres, keyId), record);
  return record;
}

async function storeEverywhere(client: ValkeyClient, hashes: readonly string[], record: ApiKeyRecord): Promise<void> {
  await Promise.all(hashes.map((sha256) => storeKey(client, sha256, record)));
}

/** Valkey is a cache here: a new key that could not be put there is read from Postgres. */
function ignoreLostCache(): void {}
