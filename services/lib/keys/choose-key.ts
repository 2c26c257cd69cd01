/**
 * Which key a text becomes or stays the text of.
 *
 * A text names one key for good: caches compare versions of what a text stands for, and versions of two keys cannot be
 * compared. So the text decides, and only an unknown one goes to the key that its policy already has of that name.
 */
import type { ApiKeyRecord } from '@weir/wire';

export interface KeyClaim {
  readonly name: string;
  /** "" for a key that its tier binds: such a key has no name that it could be known by. */
  readonly policy: string;
  readonly project: string;
  /** Whether a text that another policy's key has is taken over, as long as its project is the same. */
  readonly mayTakeOver: boolean;
}

/** What is known of the key that the claimed text names. */
export interface NamedKey {
  readonly record: Pick<ApiKeyRecord, 'id' | 'name' | 'policy' | 'revoked'>;
  readonly project: string;
  readonly isWithdrawn: boolean;
}

export type KeyChoice =
  | { readonly kind: 'new' }
  /** `retiredId`: the key that the policy has had by this name until now. */
  | { readonly kind: 'known'; readonly id: string; readonly retiredId?: string }
  /** It was revoked, for good. */
  | { readonly kind: 'revoked'; readonly id: string }
  | { readonly kind: 'taken'; readonly policy: string; readonly name: string }
  | { readonly kind: 'otherProject' };

/** `held` is the key that is not revoked and that the policy has by the claim's name. */
export function chooseKey(claim: KeyClaim, byText: NamedKey | undefined, heldId: string | undefined): KeyChoice {
  if (byText === undefined) return heldId === undefined ? { kind: 'new' } : { kind: 'known', id: heldId };
  const { record, project, isWithdrawn } = byText;
  if (record.revoked && !isWithdrawn) return { kind: 'revoked', id: record.id };
  const retired = heldId !== undefined && heldId !== record.id && { retiredId: heldId };
  const chosen: KeyChoice = { kind: 'known', id: record.id, ...retired };
  const isOwn = claim.policy !== '' && record.policy === claim.policy && record.name === claim.name;
  if (isWithdrawn || isOwn) return chosen;
  if (!claim.mayTakeOver) return { kind: 'taken', policy: record.policy, name: record.name };
  return project === claim.project ? chosen : { kind: 'otherProject' };
}
