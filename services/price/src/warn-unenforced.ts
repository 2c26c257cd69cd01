/** Says once of each policy which of the limits it declares this version does not enforce: nobody should rely on them. */
import type { Logger } from '@weir/telemetry';
import type { Policy } from './read-documents.ts';

/** Told of every snapshot; a document that has not changed is the same object in the next one. */
export type UnenforcedWarner = (documents: ReadonlyMap<string, Policy>) => void;

export function createUnenforcedWarner(logger: Pick<Logger, 'warn'>): UnenforcedWarner {
  const seen = new WeakSet<Policy>();
  return (documents) => {
    const fresh = [...documents.values()].filter((policy) => !seen.has(policy));
    const found = fresh.map((policy) => [policy.policy, unenforcedFields(policy)] as const);
    for (const policy of fresh) seen.add(policy);
    const policies = Object.fromEntries(found.filter(([, fields]) => fields.length > 0));
    // All in one line: a start has many, and none of them is a fault.
    if (Object.keys(policies).length > 0)
      logger.warn({ policies }, 'policies declare limits that this version does not enforce');
  };
}

function unenforcedFields({ limits, budget }: Policy): readonly string[] {
  const { requestsPerMinute, requestsPerMonth, reportsPerMonth, minimumWaitMs } = limits;
  const declared = {
    'limits.requestsPerMinute': requestsPerMinute,
    'limits.requestsPerMonth': requestsPerMonth,
    'limits.reportsPerMonth': reportsPerMonth,
    'limits.minimumWait': minimumWaitMs,
    'budget.daily': budget?.dailyMicro,
    'budget.monthly': budget?.monthlyMicro,
  };
  return Object.entries(declared).flatMap(([field, value]) => (value === undefined ? [] : [field]));
}
