/**
 * What feeds say that an exchange allows, and where they differ: the lowest holds for all that name the exchange, those
 * included that say nothing of it. Pure; it is brought up to date feed by feed, as the ownership of pairs is.
 */
import { isLowerQuota, lowestQuota, type UpstreamQuota } from '@weir/wire';
import type { ObjectKey } from '../kube/index.ts';

export interface QuotaClaim {
  readonly exchange: string;
  /** Absent: the feed names the exchange, and not what it allows. */
  readonly quota?: UpstreamQuota | undefined;
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
  /** What holds for the exchange; `undefined` where no feed says. */
  lowestOf(exchange: string): UpstreamQuota | undefined;
  conflictsOf(key: ObjectKey): readonly QuotaConflict[];
}

/** By feed; `undefined` for one that names the exchange and says nothing of it. */
type Said = Map<ObjectKey, UpstreamQuota | undefined>;

export function createQuotaClaims(): QuotaClaims {
  const byFeed = new Map<ObjectKey, readonly QuotaClaim[]>();
  const byExchange = new Map<string, Said>();
  const lowest = new Map<string, UpstreamQuota>();

  /** Answers whether somebody said or says something: else nobody need be told. */
  const replaceAt = (exchange: string, key: ObjectKey, claims: readonly QuotaClaim[]): boolean => {
    const said: Said = byExchange.get(exchange) ?? new Map<ObjectKey, UpstreamQuota | undefined>();
    byExchange.set(exchange, said);
    const before = said.get(key);
    said.delete(key);
    const own = claims.filter((claim) => claim.exchange === exchange);
    const quota = lowestQuota(quotasIn(own));
    if (own.length > 0) said.set(key, quota);
    if (before === undefined && quota === undefined) return false;
    const holding = lowestQuota([...said.values()].flatMap((each) => each ?? []));
    if (holding === undefined) lowest.delete(exchange);
    else lowest.set(exchange, holding);
    return true;
  };

  const replace = (key: ObjectKey, claims: readonly QuotaClaim[]): ReadonlySet<ObjectKey> => {
    const affected = new Set<ObjectKey>();
    const exchanges = new Set([...(byFeed.get(key) ?? []), ...claims].map(({ exchange }) => exchange));
    if (claims.length === 0) byFeed.delete(key);
    else byFeed.set(key, claims);
    for (const exchange of exchanges) {
      if (!replaceAt(exchange, key, claims)) continue;
      for (const each of byExchange.get(exchange)?.keys() ?? []) if (each !== key) affected.add(each);
    }
    return affected;
  };

  return {
    claim: replace,
    withdraw: (key) => replace(key, []),
    lowestOf: (exchange) => lowest.get(exchange),
    conflictsOf(key) {
      const exchanges = new Set(byFeed.get(key)?.map(({ exchange }) => exchange));
      return [...exchanges].flatMap((exchange) => conflictOver(exchange, key, byExchange.get(exchange)) ?? []);
    },
  };
}

function quotasIn(claims: readonly QuotaClaim[]): readonly UpstreamQuota[] {
  return claims.flatMap(({ quota }) => quota ?? []);
}

function conflictOver(
  exchange: string,
  key: ObjectKey,
  said: ReadonlyMap<ObjectKey, UpstreamQuota | undefined> | undefined,
): QuotaConflict | undefined {
  const own = said?.get(key);
  if (said === undefined || own === undefined) return undefined;
  let [holder, lowest] = [key, own];
  let differs = false;
  for (const [each, quota] of said) {
    if (quota === undefined) continue;
    const isEqual = !isLowerQuota(quota, own) && !isLowerQuota(own, quota);
    differs ||= !isEqual;
    const isBefore = !isLowerQuota(lowest, quota) && each < holder;
    if (isLowerQuota(quota, lowest) || isBefore) [holder, lowest] = [each, quota];
  }
  return differs ? { exchange, own, lowest, holder } : undefined;
}
