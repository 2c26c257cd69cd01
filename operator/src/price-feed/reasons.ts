/** Every reason that a condition of a PriceFeed may give. Closed: docs/troubleshooting.md explains each. */
export const REASONS = {
  // Ready, and of each condition while all is well.
  AllReady: 'AllReady',
  UpToDate: 'UpToDate',
  NotStalled: 'NotStalled',
  NotSuspended: 'NotSuspended',
  NoConflict: 'NoConflict',
  NoQuotaConflict: 'NoQuotaConflict',
  WorkloadAvailable: 'WorkloadAvailable',
  DocumentPublished: 'DocumentPublished',
  PricesFresh: 'PricesFresh',
  // What the user has asked for.
  Suspended: 'Suspended',
  ScaledToZero: 'ScaledToZero',
  // What passes by itself.
  RolloutInProgress: 'RolloutInProgress',
  AwaitingPrices: 'AwaitingPrices',
  ValkeyUnreachable: 'ValkeyUnreachable',
  SourceUnavailable: 'SourceUnavailable',
  NoReport: 'NoReport',
  PricesAging: 'PricesAging',
  Unschedulable: 'Unschedulable',
  SecretMissing: 'SecretMissing',
  // What somebody has to put right.
  NotAllowed: 'NotAllowed',
  InvalidSpec: 'InvalidSpec',
  Conflicted: 'Conflicted',
  PartlyConflicted: 'PartlyConflicted',
  DifferentQuotas: 'DifferentQuotas',
  ApplyRejected: 'ApplyRejected',
  NameTaken: 'NameTaken',
  QuotaExceeded: 'QuotaExceeded',
  RolloutStuck: 'RolloutStuck',
  ImagePullError: 'ImagePullError',
  CrashLoop: 'CrashLoop',
  ValkeyAuthFailed: 'ValkeyAuthFailed',
  ValkeyRefused: 'ValkeyRefused',
} as const;

export type Reason = keyof typeof REASONS;
