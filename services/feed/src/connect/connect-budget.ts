/**
 * How often this process may knock at a venue's door: one token bucket per host, shared by every connector.
 *
 * It keeps the sum of all sockets under the venue's published limit, whatever each of them believes.
 */
import type { Clock } from '@weir/clock';
import type { VenueLimits } from '@weir/venues';

export type ConnectLimits = Pick<VenueLimits, 'connectsPerSecond' | 'connectBurst'>;

export interface ConnectBudget {
  /** Takes one connection and answers 0, or takes none and answers how long to wait, ms. */
  take(host: string, limits: ConnectLimits): number;
  /** For an attempt that the venue never saw. */
  giveBack(host: string, limits: ConnectLimits): void;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export function createConnectBudget(clock: Clock): ConnectBudget {
  const buckets = new Map<string, Bucket>();

  const fill = (host: string, { connectsPerSecond, connectBurst }: ConnectLimits): Bucket => {
    const nowMs = clock.monotonicMs();
    let bucket = buckets.get(host);
    if (bucket === undefined) {
      bucket = { tokens: connectBurst, filledAtMs: nowMs };
      buckets.set(host, bucket);
    }
    const earned = ((nowMs - bucket.filledAtMs) / 1_000) * connectsPerSecond;
    bucket.tokens = Math.min(connectBurst, bucket.tokens + earned);
    bucket.filledAtMs = nowMs;
    return bucket;
  };

  return {
    take(host, limits) {
      const bucket = fill(host, limits);
      if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / limits.connectsPerSecond) * 1_000);
      bucket.tokens -= 1;
      return 0;
    },
    giveBack(host, limits) {
      const bucket = fill(host, limits);
      bucket.tokens = Math.min(limits.connectBurst, bucket.tokens + 1);
    },
  };
}
