/** Every reason that a condition or an event of an ApiKeyPolicy may give. Closed: docs/troubleshooting.md explains each. */

export const ACCEPTED_REASONS = ['Accepted', 'NotAllowed', 'Conflicted', 'Invalid'] as const;
export type AcceptedReason = (typeof ACCEPTED_REASONS)[number];

/** In the order in which one of several is named. */
export const REFS_REASONS = [
  'PostgresUnavailable',
  'FeedNotFound',
  'KeyConflicted',
  'KeyRevoked',
  'SecretInvalid',
  'SecretRejected',
  'SecretPending',
  'ResolvedRefs',
] as const;
export type RefsReason = (typeof REFS_REASONS)[number];

export const ENFORCED_REASONS = [
  'Enforced',
  'DryRun',
  'Suspended',
  'Progressing',
  'OutOfSync',
  'NoDeciders',
  'ValkeyUnreachable',
  'ValkeyRefused',
] as const;
export type EnforcedReason = (typeof ENFORCED_REASONS)[number];

/** Ready gives the reason of the first condition that does not hold. */
export type ReadyReason = 'AllReady' | 'CleanupPending' | AcceptedReason | RefsReason | EnforcedReason;
