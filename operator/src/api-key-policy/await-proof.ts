/** How long each policy has been waited for, until every decider applies it. In memory: a restart begins anew. */
import type { Clock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import type { ObjectKey } from '../kube/index.ts';
import type { Deciders } from './deciders.ts';
import { isInForce, type Proof } from './judge-enforcement.ts';
import type { ApiKeyPolicy } from './policy.ts';

export interface ProofWaiter {
  /** `publish` resolves with the seq from which on the revision is in force. */
  proofOf(key: ObjectKey, policy: ApiKeyPolicy, revision: string, publish: () => Promise<number>): Promise<Proof>;
  forget(key: ObjectKey): void;
}

interface Waiting {
  readonly revision: string;
  readonly sinceMs: number;
}

export function createProofWaiter(deciders: Deciders, clock: Clock): ProofWaiter {
  const waiting = new Map<ObjectKey, Waiting>();

  const waitedMs = (key: ObjectKey, revision: string, isDone: boolean): number => {
    if (isDone) {
      waiting.delete(key);
      return 0;
    }
    const known = waiting.get(key);
    const since = known?.revision === revision ? known : { revision, sinceMs: clock.monotonicMs() };
    waiting.set(key, since);
    return clock.monotonicMs() - since.sinceMs;
  };

  return {
    forget: (key) => void waiting.delete(key),
    async proofOf(key, policy, revision, publish) {
      try {
        const seq = await publish();
        const applied = await deciders.appliedSeqs();
        const enforced = policy.status?.conditions?.find(({ type }) => type === 'Enforced');
        const isSameRevision =
          policy.status?.revision === revision && enforced?.observedGeneration === policy.metadata.generation;
        return {
          kind: 'known',
          seq,
          applied,
          waitedMs: waitedMs(key, revision, isInForce({ seq, applied })),
          wasInForce: isSameRevision && enforced?.status === 'True',
          wasOutOfSync: isSameRevision && enforced?.reason === 'OutOfSync',
        };
      } catch (err) {
        return unknownFor(err);
      }
    },
  };
}

/** What is not about Valkey is thrown on. */
export function unknownFor(err: unknown): Proof & { kind: 'unknown' } {
  if (!isWeirError(err) || !err.code.startsWith('VALKEY_')) throw err;
  const isRefused = err.code === 'VALKEY_REFUSED';
  const consequence = 'what deciders know of the policy stays in force';
  return {
    kind: 'unknown',
    reason: isRefused ? 'ValkeyRefused' : 'ValkeyUnreachable',
    problem: `${err.detail}; ${consequence}.`,
  };
}
