/** Issues and revokes single keys: Postgres first, which is the truth, then every form of the key in Valkey. */
import { WeirError } from '@weir/errors';
import type { Postgres } from '@weir/postgres';
import type { ValkeyClient } from '@weir/valkey';
import type { ApiKeyRecord } from '@weir/wire';
import { cacheTexts } from './cache-texts.ts';
import { grantText, type KeyRequest } from './grant-key.ts';
import { findTextsOfKeys, markKeyRevoked, type KeyText } from './key-statements.ts';
import { checkKeyText, createKeyText, hashKeyText, type KeyMode } from './key-text.ts';

export interface IssueKeyRequest extends KeyRequest {
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
 * revocation. Another text for a name that the policy has a key of is its text from now on, and ends the one before.
 * When Valkey does not answer a new key is issued all the same and found in Postgres at its first use; for a key that was
 * there already it rejects, since what Valkey may hold of it would count for a day: repeat it.
 */
export async function issueKey(postgres: Postgres, client: ValkeyClient, request: IssueKeyRequest): Promise<IssuedKey> {
  const { text = createKeyText(request.mode ?? 'live'), mode: _mode, ...grant } = request;
  if (!checkKeyText(text)) throw new WeirError('KEY_MALFORMED');
  const sha256 = hashKeyText(text);
  const outcome = await grantText(postgres, { ...grant, sha256, mayTakeOver: true });
  if (outcome.kind === 'taken' || outcome.kind === 'otherProject') {
    throw new WeirError('RESOURCE_INVALID', { detail: 'This key text belongs to another project already.' });
  }
  const storing = cacheTexts(client, outcome.texts);
  await (outcome.kind === 'granted' && outcome.isNew ? storing.catch(ignoreLostCache) : storing);
  return { text, record: recordOf(outcome.texts, sha256) };
}

function recordOf(texts: readonly KeyText[], sha256: string): ApiKeyRecord {
  const text = texts.find((each) => each.sha256 === sha256);
  if (text === undefined) throw new TypeError('a key that was granted a text does not have it');
  return text.record;
}

/** False when there is no key of this id. Rejects when Valkey does not answer: the caller repeats it until it does. */
export async function revokeKey(postgres: Postgres, client: ValkeyClient, keyId: string): Promise<boolean> {
  if (!(await markKeyRevoked(postgres, keyId))) return false;
  await cacheTexts(client, await findTextsOfKeys(postgres, [keyId]));
  return true;
}

/** Valkey is a cache here: a new key that could not be put there is read from Postgres. */
function ignoreLostCache(): void {}
