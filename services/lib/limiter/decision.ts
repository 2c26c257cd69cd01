/** What is asked of a limiter and what it answers. */
import type { OnValkeyFailure } from '@weir/wire';
import type { BucketPolicy } from './lease-terms.ts';

export interface DecideRequest {
  readonly keyId: string;
  readonly bucket: BucketPolicy;
  /**
   * Whole tokens; all of them or none. A cost above the burst is never admitted; 0 takes nothing and is told what there is.
   */
  readonly cost: number;
  readonly onValkeyFailure: OnValkeyFailure;
  /** Never refuse: a refusal is counted and shows as `limit` of an admitted decision. */
  readonly dryRun: boolean;
  /** How long Valkey remembers an idle key; 5 minutes by default, and never less than its debt takes to be paid. */
  readonly retentionMs?: number;
}

/**
 * Who knew the answer. `lease`: this process, from tokens granted to it or from a refusal that still holds. `valkey`:
 * Valkey, asked for this request. `fallback`: the policy's `onValkeyFailure`, as Valkey did not answer.
 */
export type Basis = 'lease' | 'valkey' | 'fallback';

export interface Admitted {
  readonly admitted: true;
  /** The limit that would have refused, had this not been a dry run. */
  readonly limit: 'bucket' | undefined;
  /** Tokens left in the bucket as far as this process knows. */
  readonly remaining: number;
  /** Until the bucket is full again if nobody calls. */
  readonly resetMs: number;
  readonly basis: Basis;
}

export interface Refused {
  readonly admitted: false;
  /** `unavailable`: Valkey did not answer and the policy says Deny. */
  readonly limit: 'bucket' | 'unavailable';
  readonly remaining: number;
  readonly retryAfterMs: number;
  readonly basis: Basis;
}

export type Decision = Admitted | Refused;
