/**
 * Whether a key could pay for what it asks for, looked at before venues are asked for that: nobody makes them be asked beyond
 * its limits. Nothing is charged here; that comes afterwards, for what was answered. What requests of the same key that are
 * under way may still cost counts as spent.
 */
import type { Decision, Limiter } from '@weir/limiter';
import type { Access } from './policy-directory.ts';

type Denied = Extract<Decision, { admitted: false }>;

export interface CostForesight {
  /** Resolves to what is to be called once when the request is over, or to why venues are not to be asked for it. */
  hold(access: Pick<Access, 'keyId' | 'decide' | 'isDryRun'>, cost: number): Promise<(() => void) | Denied>;
}

const NOTHING_HELD = (): void => {};

export function createCostForesight(limiter: Pick<Limiter, 'decide'>): CostForesight {
  const held = new Map<string, number>();
  const add = (keyId: string, cost: number): void => {
    const sum = (held.get(keyId) ?? 0) + cost;
    if (sum > 0) held.set(keyId, sum);
    else held.delete(keyId);
  };
  return {
    async hold({ keyId, decide, isDryRun }, cost) {
      if (decide === undefined || isDryRun) return NOTHING_HELD;
      const look = await limiter.decide({ ...decide, cost: 0 });
      if (!look.admitted) return look;
      // Nobody can be asked what is left; the charge will be by policy.
      const missing = look.basis === 'fallback' ? 0 : cost + (held.get(keyId) ?? 0) - look.remaining;
      if (missing > 0) {
        const { remaining, basis } = look;
        const retryAfterMs = (missing * 1_000) / decide.bucket.ratePerSecond;
        return { admitted: false, limit: 'bucket', remaining: Math.min(remaining, cost - 1), retryAfterMs, basis };
      }
      add(keyId, cost);
      return () => add(keyId, -cost);
    },
  };
}
