/** Which of several quotas for one exchange holds: the one with fewest points per time. */
import type { FeedSource } from './feed-document.ts';

export type UpstreamQuota = NonNullable<FeedSource['quota']>;

/** Of equal rates the one with fewer points, which lets less through at once, then Smooth. `undefined` for none. */
export function lowestQuota(quotas: Iterable<UpstreamQuota>): UpstreamQuota | undefined {
  let lowest: UpstreamQuota | undefined;
  for (const quota of quotas) if (lowest === undefined || isLowerQuota(quota, lowest)) lowest = quota;
  return lowest;
}

export function isLowerQuota(a: UpstreamQuota, b: UpstreamQuota): boolean {
  const difference = a.points * b.durationMs - b.points * a.durationMs || a.points - b.points;
  return difference < 0 || (difference === 0 && a.window === 'Smooth' && b.window === 'Fixed');
}
