/**
 * All keys of one policy, brought to what the policy asks for. Level-based: what is as it should be is left alone, in
 * Postgres and in Valkey, and what a crash left half done is finished by whoever comes next.
 */
import type { Postgres } from '@weir/postgres';
import type { ValkeyClient } from '@weir/valkey';
import { refreshCachedTexts, cacheTexts } from './cache-texts.ts';
import { grantText, type GrantOutcome, type KeyRequest } from './grant-key.ts';
import { endTexts, findTextsOfPolicy, withdrawKeysById, type KeyText } from './key-statements.ts';

export interface PolicyKeyEntry extends Omit<KeyRequest, 'policy'> {
  /** Of the text that counts; absent: none does, and those the key has had end at once. */
  readonly sha256?: string;
  /** When the key's other texts end; absent: at once. */
  readonly othersEndAtMs?: number;
}

export type PolicyKeyOutcome =
  | {
      readonly kind: 'granted';
      readonly keyId: string;
      /** Whether the key was made now, and whether the text became its text now. */
      readonly isNew: boolean;
      readonly isNewText: boolean;
    }
  /** The key was revoked, which only another text can change. */
  | { readonly kind: 'revoked' }
  /** Another key has the text. */
  | { readonly kind: 'taken'; readonly policy: string; readonly name: string }
  /** There was no text to grant. */
  | { readonly kind: 'textless' };

export interface PolicyKeysOptions {
  readonly postgres: Postgres;
  readonly client: ValkeyClient;
  /** Right before each write, to either store; it throws when this process may not write any more. */
  readonly beforeWrite: () => void;
}

export interface PolicyKeysRequest {
  /** `<ns>/<name>`. */
  readonly policy: string;
  /** Names of the keys that there are to be; all others are withdrawn. */
  readonly names: readonly string[];
  /** Those of them that are to be brought up to date now; the others stay as they are. */
  readonly entries: readonly PolicyKeyEntry[];
}

export interface SettledKeys {
  /** By name, of every entry. */
  readonly outcomes: ReadonlyMap<string, PolicyKeyOutcome>;
  /** Names of the keys that were withdrawn now. */
  readonly withdrawn: readonly string[];
  /** Why Valkey may still hold keys in an older form; to be repeated until there is none. */
  readonly cacheFault?: unknown;
}

/** Rejects when Postgres does not answer; the transactions before that one stay. */
export async function settlePolicyKeys(options: PolicyKeysOptions, request: PolicyKeysRequest): Promise<SettledKeys> {
  const { postgres, client, beforeWrite } = options;
  const { policy, names, entries } = request;
  const before = await findTextsOfPolicy(postgres, policy);
  const withdrawn = await withdrawOthers(options, before, names);
  const outcomes = new Map<string, PolicyKeyOutcome>();
  const changed: KeyText[] = [];
  for (const entry of entries) {
    const texts = before.filter(({ record }) => record.name === entry.name && !record.revoked);
    const settled = settledKeyId(entry, texts);
    if (settled !== undefined) {
      outcomes.set(entry.name, { kind: 'granted', keyId: settled, isNew: false, isNewText: false });
      continue;
    }
    const { outcome, granted } = await settleEntry(options, policy, entry, texts);
    outcomes.set(entry.name, outcome);
    changed.push(...granted);
  }
  const after = await findTextsOfPolicy(postgres, policy);
  try {
    // Only a new key is written where Valkey has nothing: whoever was issued one uses it next.
    if (changed.length > 0) {
      beforeWrite();
      await cacheTexts(client, changed);
    }
    await refreshCachedTexts(
      client,
      after.filter(({ isForgotten }) => !isForgotten),
      beforeWrite,
    );
    return { outcomes, withdrawn };
  } catch (cacheFault) {
    return { outcomes, withdrawn, cacheFault };
  }
}

async function withdrawOthers(
  { postgres, beforeWrite }: PolicyKeysOptions,
  texts: readonly KeyText[],
  names: readonly string[],
): Promise<readonly string[]> {
  const others = texts.filter(({ record }) => !record.revoked && !names.includes(record.name));
  if (others.length === 0) return [];
  beforeWrite();
  await withdrawKeysById(postgres, [...new Set(others.map(({ record }) => record.id))]);
  return [...new Set(others.map(({ record }) => record.name))];
}

/** The key's id when nothing is left to do for the entry. */
function settledKeyId(entry: PolicyKeyEntry, texts: readonly KeyText[]): string | undefined {
  const current = texts.find(({ sha256 }) => sha256 === entry.sha256);
  if (current === undefined || current.endsAtMs !== undefined) return undefined;
  const { record, project } = current;
  const isAsAsked = project === entry.project && record.tier === entry.tier && record.expiresAtMs === entry.expiresAtMs;
  const haveOthersEnded = texts.every((text) => text === current || endsInTime(text, entry.othersEndAtMs));
  return isAsAsked && haveOthersEnded ? record.id : undefined;
}

function endsInTime({ hasEnded, endsAtMs }: KeyText, limitMs: number | undefined): boolean {
  return hasEnded || (endsAtMs !== undefined && limitMs !== undefined && endsAtMs <= limitMs);
}

interface SettledEntry {
  readonly outcome: PolicyKeyOutcome;
  readonly granted: readonly KeyText[];
}

async function settleEntry(
  { postgres, beforeWrite }: PolicyKeysOptions,
  policy: string,
  entry: PolicyKeyEntry,
  texts: readonly KeyText[],
): Promise<SettledEntry> {
  const { sha256, ...request } = entry;
  beforeWrite();
  const outcome =
    sha256 === undefined
      ? ({ kind: 'textless' } as const)
      : await grantText(postgres, { ...request, policy, sha256, mayTakeOver: false });
  if (outcome.kind === 'granted') {
    const { keyId, isNew } = outcome;
    const isNewText = !texts.some((text) => text.sha256 === sha256 && !text.hasEnded);
    return { outcome: { kind: 'granted', keyId, isNew, isNewText }, granted: outcome.texts };
  }
  // Whatever the entry has now instead, its key's texts of before are not asked for any more.
  const held = texts.find(({ hasEnded }) => !hasEnded);
  if (held !== undefined) await endTexts(postgres, held.record.id, '', undefined);
  return { outcome: refusalOf(outcome), granted: [] };
}

function refusalOf(
  outcome: Exclude<GrantOutcome, { readonly kind: 'granted' }> | { readonly kind: 'textless' },
): PolicyKeyOutcome {
  if (outcome.kind === 'revoked') return { kind: 'revoked' };
  // Without leave to take over there is no question of projects.
  return outcome.kind === 'otherProject' ? { kind: 'taken', policy: '', name: '' } : outcome;
}
