/**
 * What a process takes from a provider's quota by itself while Valkey is away: its part of 0.8 of it; pure.
 *
 * It begins empty, since what was there has been in the hands of all: so what Valkey has granted before, and what all
 * processes admit since, stay together within the quota for as long as the number of processes is right. Whatever the
 * quota says, the share is smooth. One that comes to less than a point a window is nothing.
 */
import type { ProviderQuota } from './provider-quotas.ts';

export interface SafeShare {
  level: number;
  /** When the level was so; later than now: it stays empty until then. */
  atMs: number;
  /** What was admitted and has not been refilled yet; and all that was admitted. */
  debt: number;
  admitted: number;
}

const SAFE_PART = 0.8;

export function createSafeShare(opensMs: number): SafeShare {
  return { level: 0, atMs: opensMs, debt: 0, admitted: 0 };
}

interface ShareTerms {
  readonly points: number;
  readonly burst: number;
  readonly pointsPerMs: number;
}

function shareTerms({ points: all, durationMs }: ProviderQuota, livePods: number): ShareTerms {
  const points = Math.floor((all * SAFE_PART) / Math.max(1, livePods));
  if (points === 0) return { points, burst: 0, pointsPerMs: 0 };
  const burst = Math.max(1, Math.floor(points / 10));
  // As the script has it: requests do not reach the provider after equal times.
  const refillMs = durationMs + Math.min(1_000, Math.ceil(durationMs / 20));
  return { points, burst, pointsPerMs: Math.max(1, points - burst) / refillMs };
}

export interface ShareRequest {
  readonly quota: ProviderQuota;
  readonly livePods: number;
  readonly cost: number;
  readonly isBackground: boolean;
}

/** Takes `cost`; 0 when it was taken, else the wait in ms, which is Infinity for what will never be there. */
export function takeShare(share: SafeShare, request: ShareRequest, nowMs: number): number {
  const { quota, livePods, cost, isBackground } = request;
  const { burst, pointsPerMs } = shareTerms(quota, livePods);
  const reserve = isBackground ? Math.floor(burst / 5) : 0;
  const elapsedMs = nowMs - share.atMs;
  if (elapsedMs > 0) {
    share.level = Math.min(burst, share.level + elapsedMs * pointsPerMs);
    share.debt = Math.max(0, share.debt - elapsedMs * pointsPerMs);
    share.atMs = nowMs;
  }
  if (cost + reserve > burst) return Number.POSITIVE_INFINITY;
  const missing = cost + reserve - share.level;
  if (missing > 0) return Math.max(0, -elapsedMs) + missing / pointsPerMs;
  share.level -= cost;
  share.debt += cost;
  share.admitted += cost;
  return 0;
}

/** Points that Valkey has to hear of when it is back. */
export function owedBy(share: SafeShare, quota: ProviderQuota, livePods: number): number {
  if (quota.window === 'Smooth') return Math.ceil(share.debt);
  return Math.min(share.admitted, shareTerms(quota, livePods).points);
}
