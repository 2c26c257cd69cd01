/** Whether everything that a policy refers to is there: feeds, the Secrets of its keys, and where keys are kept. Pure. */
import type { KeyOutcome, KeyReport } from './key-report.ts';
import type { ApiKeyPolicy } from './policy.ts';
import type { Judgement } from './policy-status.ts';
import { REFS_REASONS, type RefsReason } from './reasons.ts';

interface Fault {
  readonly reason: Exclude<RefsReason, 'ResolvedRefs'>;
  readonly message: string;
}

const NAMED_MAX = 5;

/** All faults are named, the weightiest gives the reason. */
export function judgeRefs(
  policy: ApiKeyPolicy,
  missingFeeds: readonly string[],
  { keys, postgresFault }: KeyReport,
): Judgement<RefsReason> {
  const faults: readonly Fault[] = [
    ...(postgresFault === undefined ? [] : [postgresAway(policy, postgresFault)]),
    ...missingFeeds.map(missingFeed),
    ...keys.flatMap((key) => faultOf(key, postgresFault !== undefined) ?? []),
  ];
  if (faults.length === 0) return { status: 'True', reason: 'ResolvedRefs', message: allResolved(policy, keys) };
  const sorted = faults.toSorted((a, b) => REFS_REASONS.indexOf(a.reason) - REFS_REASONS.indexOf(b.reason));
  const messages = sorted.slice(0, NAMED_MAX).map(({ message }) => message);
  const more = sorted.length > NAMED_MAX ? [`There are ${sorted.length - NAMED_MAX} more faults.`] : [];
  return { status: 'False', reason: sorted[0]?.reason ?? 'SecretInvalid', message: [...messages, ...more].join(' ') };
}

function postgresAway({ spec }: ApiKeyPolicy, { message }: Error): Fault {
  const waiting = spec.keys.length === 0 ? 'keys' : 'keys that are to be issued, rotated or withdrawn';
  return { reason: 'PostgresUnavailable', message: `${message}; ${waiting} wait for it, all others work.` };
}

const missingFeed = (name: string): Fault => ({
  reason: 'FeedNotFound',
  message: `There is no PriceFeed ${name} in this namespace; create it, or correct spec.feedRefs.`,
});

function faultOf({ name, secretName, state }: KeyOutcome, isPostgresAway: boolean): Fault | undefined {
  const secret = `Key ${name}: Secret ${secretName}`;
  const renew = 'put another key there, or delete the Secret to get a new one';
  switch (state.kind) {
    case 'active':
    case 'expired':
      return undefined;
    case 'malformed':
      return { reason: 'SecretInvalid', message: `${secret} ${state.problem}; ${renew}.` };
    case 'conflicted': {
      const owner = state.owner === '' ? 'another key' : `key ${state.owner}`;
      return { reason: 'KeyConflicted', message: `${secret} holds the text of ${owner}; ${renew}.` };
    }
    case 'revoked':
      return { reason: 'KeyRevoked', message: `${secret} holds the text of a revoked key; ${renew}.` };
    case 'pending':
      if (isPostgresAway) return undefined;
      return { reason: 'SecretPending', message: `${secret} is about to be deleted, and is waited for.` };
    case 'unreachable':
      return { reason: 'SecretRejected', message: `${secret} cannot be read or written: ${state.problem}.` };
  }
}

function allResolved({ spec }: ApiKeyPolicy, keys: readonly KeyOutcome[]): string {
  const resolved =
    spec.keys.length + (spec.feedRefs?.length ?? 0) === 0 ? 'There is nothing to refer to.' : 'All are there.';
  const unrotated = keys.filter(({ isNeverRotated }) => isNeverRotated).map(({ name }) => name);
  if (unrotated.length === 0) return resolved;
  const which = unrotated.length === 1 ? `Key ${unrotated[0]} is` : `Keys ${unrotated.join(', ')} are`;
  return `${resolved} ${which} not rotated: the Secret was not made by the operator, which writes only its own.`;
}
