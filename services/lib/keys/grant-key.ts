/** Makes a text the text of a key, in one transaction: the one way of issued, imported and rotated keys. */
import type { Postgres, Queries } from '@weir/postgres';
import { chooseKey } from './choose-key.ts';
import {
  deleteEndedTexts,
  endTexts,
  ensureProject,
  findTexts,
  findTextsOfKeys,
  findTextsOfPolicy,
  insertKey,
  keepText,
  lockIssue,
  updateKeyGrant,
  withdrawKeysById,
  type KeyText,
} from './key-statements.ts';

export interface KeyRequest {
  readonly name: string;
  /** Name of the project, created when there is none. */
  readonly project: string;
  readonly tier: string;
  /** `<ns>/<name>` of the policy that binds the key; "" leaves it to the tier. A policy has one key of a name. */
  readonly policy: string;
  readonly expiresAtMs?: number;
}

export interface TextGrant extends KeyRequest {
  readonly sha256: string;
  /** When the key's other texts end; absent: at once. */
  readonly othersEndAtMs?: number;
  readonly mayTakeOver: boolean;
}

export type GrantOutcome =
  /** `texts`: every one of this key, and of the one that it replaced under its name. */
  | { readonly kind: 'granted'; readonly keyId: string; readonly isNew: boolean; readonly texts: readonly KeyText[] }
  /** The text is that of a key which was revoked for good; nothing has changed. */
  | { readonly kind: 'revoked'; readonly keyId: string; readonly texts: readonly KeyText[] }
  /** The text is that of another policy's key, or of another key of the policy. */
  | { readonly kind: 'taken'; readonly policy: string; readonly name: string }
  | { readonly kind: 'otherProject' };

/**
 * Granting the same text again changes what the request says and keeps the key's id. A key that was withdrawn comes back
 * with its text; one that was revoked keeps what it had.
 */
export function grantText(postgres: Postgres, grant: TextGrant): Promise<GrantOutcome> {
  return postgres.transaction((tx) => writeGrant(tx, grant));
}

async function writeGrant(queries: Queries, grant: TextGrant): Promise<GrantOutcome> {
  const { sha256, policy, name } = grant;
  await lockIssue(queries, policy, sha256);
  const [byText] = await findTexts(queries, [sha256]);
  const held = (await findTextsOfPolicy(queries, policy)).find(({ record }) => record.name === name && !record.revoked);
  const choice = chooseKey(grant, byText, held?.record.id);
  if (choice.kind === 'taken' || choice.kind === 'otherProject') return choice;
  if (choice.kind === 'revoked') {
    return { kind: 'revoked', keyId: choice.id, texts: await findTextsOfKeys(queries, [choice.id]) };
  }
  const projectId = await ensureProject(queries, grant.project);
  const values = { name, policy, projectId, tier: grant.tier, expiresAtMs: grant.expiresAtMs };
  if (choice.kind === 'new') {
    const keyId = await insertKey(queries, values);
    await keepText(queries, keyId, sha256);
    return { kind: 'granted', keyId, isNew: true, texts: await findTextsOfKeys(queries, [keyId]) };
  }
  const { id: keyId, retiredId } = choice;
  await updateKeyGrant(queries, values, keyId);
  await keepText(queries, keyId, sha256);
  await endTexts(queries, keyId, sha256, grant.othersEndAtMs);
  await deleteEndedTexts(queries, keyId);
  if (retiredId !== undefined) await withdrawKeysById(queries, [retiredId]);
  const ids = retiredId === undefined ? [keyId] : [keyId, retiredId];
  return { kind: 'granted', keyId, isNew: false, texts: await findTextsOfKeys(queries, ids) };
}
