/**
 * What feeds say that an exchange allows, and where they differ: the lowest holds for all. Pure; it is brought up to date
 * feed by feed, as the ownership of pairs is.
 */
import { isLowerQuota, type UpstreamQuota } from '@weir/wire';
import type { ObjectKey } from '../kube/index.ts';

export interface QuotaClaim {
  readonly exchange: string;
  readonly quota: UpstreamQuota;
}

/** A feed's exchange for which another feed says something else. */
export interface QuotaConflict {
  readonly exchange: string;
  readonly own: UpstreamQuota;
  readonly lowest: UpstreamQuota;
  /** Who says the lowest; of several the first by name. */
  readonly holder: ObjectKey;
}

export interface QuotaClaims {
  /** The feed says this now, and nothing else. Answers for whom that may have changed something, the feed not included. */
  claim(key: ObjectKey, claims: readonly QuotaClaim[]): ReadonlySet<ObjectKey>;
  withdraw(key: ObjectKey): ReadonlySet<ObjectKey>;
  conflictsOf(key: ObjectKey): readonly QuotaConflict[];
}

export function createQuotaClaims(): QuotaClaims {
  const byFeed = new Map<ObjectKey, readonly QuotaClaim[]>();
  const byExchange = new Map<string, Map<ObjectKey, UpstreamQuota>>();

  const replace = (key: ObjectKey, claims: readonly QuotaClaim[]): ReadonlySet<ObjectKey> => {
    const before = byFeed.get(key) ?? [];
    const affected = new Set<ObjectKey>();
    if (before.length === 0 && claims.length === 0) return affected;
    for (const { exchange } of before) byExchange.get(exchange)?.delete(key);
    for (const { exchange, quota } of claims) {
      const said = byExchange.get(exchange) ?? new Map<ObjectKey, UpstreamQuota>();
      byExchange.set(exchange, said);
      const other = said.get(key);
      if (other === undefined || isLowerQuota(quota, other)) said.set(key, quota);
    }
    if (claims.length === 0) byFeed.delete(key);
    else byFeed.set(key, claims);
    for (const { exchange } of [...before, ...claims]) {
      for (const each of byExchange.get(exchange)?.keys() ?? []) if (each !== key) affected.add(each);
    }
    return affected;
  };

  return {
    claim: replace,
    withdraw: (key) => replace(key, []),
    conflictsOf(key) {
      const exchanges = new Set(byFeed.get(key)?.map(({ exchange }) => exchange));
      return [...exchanges].flatMap((exchange) => conflictOver(exchange, key, byExchange.get(exchange)) ?? []);
    },
  };
}

function conflictOver(
  exchange: string,
  key: ObjectKey,
  said: ReadonlyMap<ObjectKey, UpstreamQuota> | undefined,
): QuotaConflict | undefined {
  const own = said?.get(key);
  if (said === undefined || own === undefined) return undefined;
  let [holder, lowest] = [key, own];
  let differs = false;
  for (const [each, quota] of said) {
    const isEqual = !isLowerQuota(quota, own) && !isLowerQuota(own, quota);
    differs ||= !isEqual;
    const isBefore = !isLowerQuota(lowest, quota) && each < holder;
    if (isLowerQuota(quota, lowest) || isBefore) [holder, lowest] = [each, quota];
  }
  return differs ? { exchange, own, lowest, holder } : undefined;
}
