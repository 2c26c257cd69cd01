/** Which policy binds a tier: of those in trusted namespaces the oldest, for good. Pure. */
import { keyOf, type ObjectKey } from '../kube/index.ts';
import type { ApiKeyPolicy } from './policy.ts';

export type TierVerdict =
  | { readonly kind: 'accepted' }
  /** Its namespace may bind no tier. */
  | { readonly kind: 'notAllowed' }
  /** An older one binds it. */
  | { readonly kind: 'conflicted'; readonly winner: ObjectKey };

const ACCEPTED: TierVerdict = { kind: 'accepted' };

/** The winner by tier; a policy that is being deleted binds nothing any more. */
export function bindTiers(
  policies: readonly ApiKeyPolicy[],
  trusted: ReadonlySet<string>,
): ReadonlyMap<string, ObjectKey> {
  const winners = new Map<string, ApiKeyPolicy>();
  for (const policy of policies) {
    const { tier } = policy.spec;
    if (tier === undefined || !isTrusted(policy, trusted) || policy.metadata.deletionTimestamp !== undefined) continue;
    const winner = winners.get(tier);
    if (winner === undefined || isOlder(policy, winner)) winners.set(tier, policy);
  }
  return new Map([...winners].map(([tier, winner]) => [tier, keyOf(winner)]));
}

export function judgeTier(
  policy: ApiKeyPolicy,
  winners: ReadonlyMap<string, ObjectKey>,
  trusted: ReadonlySet<string>,
): TierVerdict {
  const { tier } = policy.spec;
  if (tier === undefined) return ACCEPTED;
  if (!isTrusted(policy, trusted)) return { kind: 'notAllowed' };
  const winner = winners.get(tier);
  return winner === undefined || winner === keyOf(policy) ? ACCEPTED : { kind: 'conflicted', winner };
}

const isTrusted = ({ metadata }: ApiKeyPolicy, trusted: ReadonlySet<string>): boolean =>
  trusted.has(metadata.namespace ?? '');

/** Instants are ISO texts of one form, in whole seconds: of one second the name decides. */
function isOlder(a: ApiKeyPolicy, b: ApiKeyPolicy): boolean {
  const [left = '', right = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return left === right ? keyOf(a) < keyOf(b) : left < right;
}
