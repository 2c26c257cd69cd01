/**
 * Finds keys whose policy is gone: deleted while no operator ran, or let go while a store was away. Each such policy is
 * handed to the reconcile, which finds that it does not exist and cleans up behind it.
 */
import type { Clock } from '@weir/clock';
import { findPoliciesWithKeys } from '@weir/keys';
import type { Postgres } from '@weir/postgres';
import type { Logger } from '@weir/telemetry';
import { nameOf, type Cache, type ControllerSource, type Fence, type ObjectKey } from '../kube/index.ts';
import type { ApiKeyPolicy } from './policy.ts';

export interface OrphanSweepOptions {
  readonly policies: Cache<ApiKeyPolicy>;
  readonly postgres: Postgres;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fence: Fence;
  /** Empty: all. Policies of other namespaces are somebody else's. */
  readonly watchNamespaces: readonly string[];
}

export interface OrphanSweep {
  readonly source: ControllerSource;
  /** Nothing of this policy is left anywhere. */
  markClean(key: ObjectKey): void;
}

const PERIOD_MS = 15_000;

export function createOrphanSweep(options: OrphanSweepOptions): OrphanSweep {
  const { policies, postgres, clock, logger, fence, watchNamespaces } = options;
  const watched = new Set(watchNamespaces);
  const clean = new Set<ObjectKey>();
  let isSweeping = false;

  const isOurs = (key: ObjectKey): boolean => watched.size === 0 || watched.has(nameOf(key).namespace);
  const sweep = async (enqueue: (key: ObjectKey) => void): Promise<void> => {
    if (isSweeping || !fence.isLeader || !policies.synced) return;
    isSweeping = true;
    try {
      const found = await findPoliciesWithKeys(postgres);
      const known = new Set(found.map(({ policy }) => policy));
      for (const key of clean) if (!known.has(key)) clean.delete(key);
      for (const { policy, hasActive } of found) {
        const isLeft = hasActive || !clean.has(policy);
        if (isLeft && isOurs(policy) && policies.get(policy) === undefined) enqueue(policy);
      }
    } catch (err) {
      logger.debug({ err }, 'keys without a policy could not be looked for');
    } finally {
      isSweeping = false;
    }
  };

  return {
    markClean: (key) => void clean.add(key),
    source: {
      synced: true,
      subscribe(enqueue) {
        const timer = clock.setInterval(() => {
          void sweep((key) => enqueue(key, { isLowPriority: true }));
        }, PERIOD_MS);
        return () => timer.cancel();
      },
    },
  };
}
