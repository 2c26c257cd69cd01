/**
 * Exact rate limits, decided mostly without asking: a token bucket per API key that processes lease from.
 *
 * Guarantees: whatever the number of processes, their pauses, crashes and lost replies, what one key is admitted within
 * any interval is at most burst + rate × interval; a refusal changes nothing; a Valkey that hangs costs one time-out,
 * after which the policy's `onValkeyFailure` answers at once. The proof and what failures of Valkey itself add are in
 * `docs/limiter.md`. And quotas of upstreams, which all processes that call one share: never more than the quota, whatever
 * the alignment of its windows; without Valkey each process has its safe share. Does not: know keys, policies or HTTP, or remember anything of its own across a restart.
 */
export type { Admitted, Basis, DecideRequest, Decision, Refused } from './decision.ts';
export type { BucketPolicy } from './lease-terms.ts';
export { createLimiter, type Limiter, type LimiterOptions } from './limiter.ts';
export type { ProviderHealth } from './provider-health.ts';
export {
  createProviderQuotas,
  type ConsumeOptions,
  type Consumption,
  type ProviderQuota,
  type ProviderQuotas,
  type ProviderQuotasOptions,
  type QuotaSource,
} from './provider-quotas.ts';
export { createSlots, SLOT_RENEWAL_MS, type Slot, type SlotRefusal, type SlotRequest, type Slots } from './slots.ts';
