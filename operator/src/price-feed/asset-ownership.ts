/**
 * Which PriceFeed a pair of asset and quote belongs to: the oldest that names it. Pure; it is brought up to date object
 * by object, since 500 feeds of 10,000 assets cannot be compared anew with every event.
 */
import { formatPair } from '@weir/wire';
import type { ObjectKey } from '../kube/index.ts';

export interface Claim {
  readonly key: ObjectKey;
  /** Of the object; the oldest wins. */
  readonly creationTimestamp: string;
  readonly assets: readonly string[];
  readonly quote: string;
}

export interface AssetOwnership {
  /** The feed claims these pairs now, and no others. Answers whose pairs this has changed, the feed itself included. */
  claim(claim: Claim): ReadonlySet<ObjectKey>;
  /** The feed claims nothing any more. */
  withdraw(key: ObjectKey): ReadonlySet<ObjectKey>;
  /** Assets that belong to somebody else, by owner. Empty for a feed that claims nothing. */
  lostBy(key: ObjectKey): ReadonlyMap<ObjectKey, readonly string[]>;
  /** Whom a pair (as `formatPair` has it) belongs to. */
  ownerOf(pair: string): ObjectKey | undefined;
}

/** Negative when `a` is before `b`. Instants are of one form, so their order is that of their texts. */
function compareAge(a: Claim, b: Claim): number {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

const pairsOf = ({ assets, quote }: Claim): readonly string[] => assets.map((asset) => formatPair({ asset, quote }));

export function createAssetOwnership(): AssetOwnership {
  const claims = new Map<ObjectKey, Claim>();
  /** Oldest first; almost always one. */
  const claimants = new Map<string, readonly Claim[]>();

  const ownerOf = (pair: string): ObjectKey | undefined => claimants.get(pair)?.[0]?.key;

  const setClaimants = (pair: string, list: readonly Claim[], affected: Set<ObjectKey>): void => {
    const before = ownerOf(pair);
    if (list.length === 0) claimants.delete(pair);
    else claimants.set(pair, list);
    // Who is first has changed: everybody who names the pair has won it, lost it, or lost it to another.
    if (before !== ownerOf(pair)) for (const { key } of list) affected.add(key);
  };

  const replace = (key: ObjectKey, next: Claim | undefined): ReadonlySet<ObjectKey> => {
    const previous = claims.get(key);
    const affected = new Set<ObjectKey>([key]);
    const before = new Set(previous === undefined ? [] : pairsOf(previous));
    const after = new Set(next === undefined ? [] : pairsOf(next));
    for (const pair of before.union(after)) {
      const others = (claimants.get(pair) ?? []).filter((each) => each.key !== key);
      const list = next !== undefined && after.has(pair) ? [...others, next].toSorted(compareAge) : others;
      setClaimants(pair, list, affected);
    }
    if (next === undefined) claims.delete(key);
    else claims.set(key, next);
    return affected;
  };

  return {
    ownerOf,
    claim: (claim) => replace(claim.key, claim),
    withdraw: (key) => (claims.has(key) ? replace(key, undefined) : new Set()),
    lostBy(key) {
      const lost = new Map<ObjectKey, string[]>();
      const claim = claims.get(key);
      for (const asset of claim?.assets ?? []) {
        const owner = ownerOf(formatPair({ asset, quote: claim?.quote ?? '' }));
        if (owner === undefined || owner === key) continue;
        const assets = lost.get(owner);
        if (assets === undefined) lost.set(owner, [asset]);
        else assets.push(asset);
      }
      return lost;
    },
  };
}
