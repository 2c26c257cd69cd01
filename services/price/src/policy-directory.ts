/**
 * Which policy binds a key, and what the two together allow: worked out once for a key and a revision of the policies,
 * not once a request.
 */
import type { ProblemSource } from '@weir/http';
import type { BucketPolicy, DecideRequest } from '@weir/limiter';
import type { ApiKeyRecord, OnValkeyFailure, Protocol } from '@weir/wire';
import type { Policy } from './read-documents.ts';

/** What one key may do under its policy. */
export interface Access {
  readonly keyId: string;
  /** It was worked out from. */
  readonly key: ApiKeyRecord;
  /** Of the policies it was worked out from. */
  readonly revision: number;
  /** Why every request of the key is refused, whatever it asks for. */
  readonly refusal: ProblemSource | undefined;
  /** The policy would refuse every request, were this no dry run. */
  readonly isRefusedDry: boolean;
  /** Valkey server time; Infinity when the key never expires. */
  readonly expiresAtMs: number;
  /** Names of the feeds whose pairs may be asked for; `undefined`: all. */
  readonly feeds: ReadonlySet<string> | undefined;
  readonly allowStale: boolean;
  /** Whether pairs may be asked for that no feed keeps. */
  readonly onDemandAssets: boolean;
  readonly isDryRun: boolean;
  /** A decision about one call; `undefined` when nothing limits the key's rate. */
  readonly decide: DecideRequest | undefined;
  /** How many streams it may hold open; `undefined`: any number. */
  readonly concurrency: number | undefined;
  readonly onValkeyFailure: OnValkeyFailure;
  /** The `RateLimit-Policy` header; "" when nothing limits the key's rate. */
  readonly policyHeader: string;
}

export interface PolicyDirectory {
  /** Follows the documents. */
  replace(documents: ReadonlyMap<string, Policy>): void;
  /** What the key may do now; the same object until the key or a policy changes. */
  accessOf(record: ApiKeyRecord): Access;
}

const KEY_REVOKED: ProblemSource = { code: 'KEY_REVOKED' };
const POLICY_MISSING: ProblemSource = { code: 'POLICY_MISSING' };
const POLICY_SUSPENDED: ProblemSource = { code: 'POLICY_SUSPENDED' };
const PROTOCOL_NOT_ALLOWED: ProblemSource = { code: 'PROTOCOL_NOT_ALLOWED' };

/** `protocol`: what the requests of this server count as. */
export function createPolicyDirectory(protocol: Protocol): PolicyDirectory {
  let byName: ReadonlyMap<string, Policy> = new Map();
  let byTier: ReadonlyMap<string, Policy> = new Map();
  let revision = 0;
  const known = new WeakMap<ApiKeyRecord, Access>();

  return {
    replace(documents) {
      byName = documents;
      byTier = bindTiers(documents);
      revision += 1;
    },
    accessOf(record) {
      const access = known.get(record);
      if (access?.revision === revision) return access;
      // A policy that a key names and that is gone does not fall back to a tier: that would be another contract.
      const policy = record.policy === '' ? byTier.get(record.tier) : byName.get(record.policy);
      const fresh = workOutAccess(record, policy, protocol, revision);
      known.set(record, fresh);
      return fresh;
    },
  };
}

/** Only one document should name a tier; should several, all pods must take the same one. */
function bindTiers(documents: ReadonlyMap<string, Policy>): ReadonlyMap<string, Policy> {
  const tiers = new Map<string, Policy>();
  for (const document of [...documents.values()].toSorted((a, b) => (a.policy < b.policy ? -1 : 1))) {
    if (document.tier !== undefined && !tiers.has(document.tier)) tiers.set(document.tier, document);
  }
  return tiers;
}

function workOutAccess(record: ApiKeyRecord, policy: Policy | undefined, protocol: Protocol, revision: number): Access {
  const isDryRun = policy?.mode === 'DryRun';
  const bucket = policy && bucketOf(record, policy);
  const keyRefusal = record.revoked ? KEY_REVOKED : policy === undefined ? POLICY_MISSING : undefined;
  const policyRefusal = policy && refusalBy(policy, protocol);
  return {
    keyId: record.id,
    key: record,
    revision,
    // A dry run refuses nothing of its own; a key that is revoked is no matter of policy.
    refusal: keyRefusal ?? (isDryRun ? undefined : policyRefusal),
    isRefusedDry: isDryRun && policyRefusal !== undefined,
    expiresAtMs: record.expiresAtMs ?? Number.POSITIVE_INFINITY,
    feeds: policy?.feeds && new Set(policy.feeds),
    allowStale: isDryRun || (policy?.access.allowStale ?? false),
    onDemandAssets: policy?.access.onDemandAssets ?? false,
    isDryRun,
    decide: policy && bucket && decideRequest(record, policy, bucket),
    concurrency: policy?.limits.concurrency,
    onValkeyFailure: policy?.onValkeyFailure ?? 'Deny',
    policyHeader: bucket === undefined ? '' : policyHeader(bucket),
  };
}

function refusalBy(policy: Policy, protocol: Protocol): ProblemSource | undefined {
  if (policy.suspend) return POLICY_SUSPENDED;
  return policy.access.protocols.includes(protocol) ? undefined : PROTOCOL_NOT_ALLOWED;
}

/** Tiers whose idle buckets Valkey remembers for an hour. */
const LONG_REMEMBERED_TIERS: ReadonlySet<string> = new Set(['partner', 'stress']);
const LONG_RETENTION_MS = 3_600_000;

function decideRequest(record: ApiKeyRecord, policy: Policy, bucket: BucketPolicy): DecideRequest {
  return {
    keyId: record.id,
    bucket,
    cost: 1,
    onValkeyFailure: policy.onValkeyFailure,
    dryRun: policy.mode === 'DryRun',
    ...(LONG_REMEMBERED_TIERS.has(record.tier) && { retentionMs: LONG_RETENTION_MS }),
  };
}

/** The key's own numbers go before the policy's. A rate without a burst allows one second's worth at once. */
function bucketOf(record: ApiKeyRecord, policy: Policy): BucketPolicy | undefined {
  const ratePerSecond = record.rateLimitQps ?? policy.limits.requestsPerSecond;
  if (ratePerSecond === undefined) return undefined;
  const burst = record.burstLimit ?? policy.limits.burst ?? Math.max(1, Math.ceil(ratePerSecond));
  return { ratePerSecond, burst };
}

/** Name of the bucket in `RateLimit`, `RateLimit-Policy` and `violated-policies`. */
export const BUCKET_NAME = 'bucket';

/** In seconds, the time in which an empty bucket fills: headers know whole seconds only. */
export function bucketWindowSeconds(bucket: BucketPolicy): number {
  return Math.max(1, Math.ceil(bucket.burst / bucket.ratePerSecond));
}

function policyHeader(bucket: BucketPolicy): string {
  return `"${BUCKET_NAME}";q=${Math.floor(bucket.burst)};w=${bucketWindowSeconds(bucket)}`;
}
