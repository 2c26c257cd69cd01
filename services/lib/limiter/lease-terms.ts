/** What a policy's two numbers mean for the script and for leasing; pure. */

export interface BucketPolicy {
  readonly ratePerSecond: number;
  readonly burst: number;
}

export interface LeaseTerms {
  readonly policy: BucketPolicy;
  /** Thousandths of a token per second, the script's unit. */
  readonly rate: number;
  readonly burst: number;
  readonly tokensPerMs: number;
  /** How long a lease lives at the server; 0: this bucket is never leased. */
  readonly leaseMs: number;
  /** Most tokens that one lease may hold. */
  readonly leaseTokensMax: number;
}

/** Longest lease, and so the longest that a grant can outlive the server that made it. */
export const LEASE_MS_MAX = 250;
/** Below this a lease is over before it has paid for itself. */
const LEASE_MS_MIN = 20;
/** The pod lets go of a lease this much before the server does: more than two clocks drift apart in one lease. */
export const LEASE_MARGIN_MS = 5;

/** Up to here the script's integers stay below 2^53; a policy that asks for more gets this. */
export const RATE_PER_SECOND_MAX = 1_000_000;
export const BURST_MAX = 5_000_000;

/**
 * Rates are rounded down to thousandths of a token per second, bursts to whole tokens; neither is less than one of
 * those. The escrow clamp keeps full throughput as long as the burst is twice what leases hold: hence burst ÷ 4 rates.
 */
export function leaseTerms(policy: BucketPolicy): LeaseTerms {
  const rate = Math.max(1, Math.floor(Math.min(policy.ratePerSecond, RATE_PER_SECOND_MAX) * 1_000));
  const burst = Math.max(1, Math.floor(Math.min(policy.burst, BURST_MAX)));
  const tokensPerMs = rate / 1_000_000;
  const affordableMs = Math.floor(Math.min(LEASE_MS_MAX, burst / (4 * tokensPerMs)));
  const leaseMs = affordableMs < LEASE_MS_MIN ? 0 : affordableMs;
  return { policy, rate, burst, tokensPerMs, leaseMs, leaseTokensMax: Math.floor(tokensPerMs * leaseMs) };
}
