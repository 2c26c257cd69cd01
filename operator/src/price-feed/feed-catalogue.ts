/**
 * What all PriceFeeds together come to: who owns which pair, which documents there are to be, and why a feed has none.
 * From the cache alone, so that it is known in whole as soon as the cache is.
 */
import { checkSymbols, compilePriceFeed, formatPlace, withSharedQuota, type QuotaOf } from '@weir/crds';
import { formatPair, type FeedDocument, type FeedSource } from '@weir/wire';
import type { VenueAddress } from '../config.ts';
import type { WantedDocuments } from '../documents/index.ts';
import { keyOf, type Cache, type ObjectKey } from '../kube/index.ts';
import { createAssetOwnership } from './asset-ownership.ts';
import type { PriceFeed } from './price-feed.ts';
import { createQuotaClaims, type QuotaClaim, type QuotaConflict } from './quota-claims.ts';

/**
 * untrusted: its namespace may not publish. invalid: its document stays as it was last. conflicted: every pair belongs to
 * others. published: it has a document, without the assets that were lost.
 */
export type FeedVerdict =
  | { readonly kind: 'untrusted' }
  | { readonly kind: 'invalid'; readonly faults: readonly string[]; readonly lost: LostAssets; readonly owned: number }
  | { readonly kind: 'conflicted'; readonly lost: LostAssets }
  | { readonly kind: 'published'; readonly json: string; readonly owned: number; readonly lost: LostAssets };

/** Assets by the feed that they belong to. */
export type LostAssets = ReadonlyMap<ObjectKey, readonly string[]>;

export interface FeedCatalogueOptions {
  readonly feeds: Cache<PriceFeed>;
  readonly trustedNamespaces: readonly string[];
  /** Of exchanges, for sources that name none. */
  readonly venueAddresses: Readonly<Record<string, VenueAddress>>;
}

export interface FeedCatalogue {
  verdictOf(feed: PriceFeed): FeedVerdict;
  /** `undefined` before the cache is complete. */
  documents(): WantedDocuments | undefined;
  /** A feed that is being deleted and whose pods are gone: others may have its pairs, and its document goes. */
  release(feed: PriceFeed): void;
  /** Pairs that the feed names and nobody owns, as keys of prices have them. */
  unownedPairs(feed: PriceFeed): readonly string[];
  /** Exchanges of the feed for which another says something else. */
  quotaConflictsOf(feed: PriceFeed): readonly QuotaConflict[];
  /** Feeds whose pairs or quotas have changed by what became of another. Answers how to end it. */
  onAffected(listener: (key: ObjectKey) => void): () => void;
}

interface Entry {
  readonly object: PriceFeed;
  readonly verdict: FeedVerdict | undefined;
}

class Catalogue implements FeedCatalogue {
  readonly #options: FeedCatalogueOptions;
  readonly #trusted: ReadonlySet<string>;
  readonly #ownership = createAssetOwnership();
  readonly #quotas = createQuotaClaims();
  readonly #entries = new Map<ObjectKey, Entry>();
  readonly #texts = new Map<string, string>();
  readonly #kept = new Set<string>();
  readonly #released = new Set<string>();
  readonly #listeners = new Set<(key: ObjectKey) => void>();

  constructor(options: FeedCatalogueOptions) {
    this.#options = options;
    this.#trusted = new Set(options.trustedNamespaces);
  }

  verdictOf(feed: PriceFeed): FeedVerdict {
    this.#refresh();
    const key = keyOf(feed);
    const entry = this.#entries.get(key);
    // Not in the cache any more: it has nothing.
    return entry === undefined ? { kind: 'untrusted' } : this.#verdictFor(key, entry);
  }

  documents(): WantedDocuments | undefined {
    if (!this.#options.feeds.synced) return undefined;
    this.#refresh();
    for (const [key, entry] of this.#entries) this.#verdictFor(key, entry);
    return { texts: this.#texts, kept: this.#kept };
  }

  release(feed: PriceFeed): void {
    this.#refresh();
    const key = keyOf(feed);
    if (this.#released.has(uidOf(feed)) || !this.#entries.has(key)) return;
    this.#released.add(uidOf(feed));
    this.#forget([key, ...this.#ownership.withdraw(key)], key);
    this.#forget(this.#quotas.withdraw(key), key);
  }

  unownedPairs({ spec }: PriceFeed): readonly string[] {
    this.#refresh();
    const pairs = spec.assets.map((asset) => formatPair({ asset, quote: spec.quote }));
    return pairs.filter((pair) => this.#ownership.ownerOf(pair) === undefined);
  }

  quotaConflictsOf(feed: PriceFeed): readonly QuotaConflict[] {
    this.#refresh();
    return this.#quotas.conflictsOf(keyOf(feed));
  }

  onAffected(listener: (key: ObjectKey) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** By identity: a comparison of references per feed when nothing has changed. */
  #refresh(): void {
    const entries = this.#entries;
    const present = new Set<ObjectKey>();
    for (const object of this.#options.feeds.list()) {
      const key = keyOf(object);
      present.add(key);
      if (entries.get(key)?.object !== object) this.#take(key, object);
    }
    if (entries.size === present.size) return;
    for (const [key, { object }] of entries) if (!present.has(key)) this.#drop(key, object);
  }

  #take(key: ObjectKey, object: PriceFeed): void {
    const before = this.#entries.get(key);
    const isSame = before !== undefined && isSameSpec(before.object, object);
    this.#entries.set(key, { object, verdict: isSame ? before.verdict : undefined });
    if (isSame) return;
    if (before !== undefined && uidOf(before.object) !== uidOf(object)) this.#released.delete(uidOf(before.object));
    const claims = this.#isTrusted(object) && !this.#released.has(uidOf(object));
    this.#forget(claims ? this.#ownership.claim(claimOf(key, object)) : this.#ownership.withdraw(key), key);
    this.#forget(this.#quotas.claim(key, claims ? quotasOf(object) : []), key);
  }

  #drop(key: ObjectKey, object: PriceFeed): void {
    this.#entries.delete(key);
    this.#texts.delete(key);
    this.#kept.delete(key);
    this.#released.delete(uidOf(object));
    this.#forget(this.#ownership.withdraw(key), key);
    this.#forget(this.#quotas.withdraw(key), key);
  }

  /** What is known of these feeds is to be found out anew. */
  #forget(keys: Iterable<ObjectKey>, except: ObjectKey): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#entries.set(key, { object: entry.object, verdict: undefined });
      if (key !== except) for (const listener of this.#listeners) listener(key);
    }
  }

  #verdictFor(key: ObjectKey, { object, verdict }: Entry): FeedVerdict {
    if (verdict !== undefined) return verdict;
    const found = this.#judge(key, object);
    this.#entries.set(key, { object, verdict: found });
    this.#texts.delete(key);
    this.#kept.delete(key);
    if (this.#released.has(uidOf(object))) return found;
    if (found.kind === 'published') this.#texts.set(key, found.json);
    if (found.kind === 'invalid') this.#kept.add(key);
    return found;
  }

  #judge(key: ObjectKey, object: PriceFeed): FeedVerdict {
    if (!this.#isTrusted(object)) return { kind: 'untrusted' };
    const lost = this.#ownership.lostBy(key);
    const taken = new Set([...lost.values()].flat());
    const owned = object.spec.assets.filter((asset) => !taken.has(asset));
    const quotaOf: QuotaOf = (exchange) => this.#quotas.lowestOf(exchange);
    const compiled = compile(object, { assets: owned, venueAddresses: this.#options.venueAddresses, quotaOf });
    if ('faults' in compiled) return { kind: 'invalid', faults: compiled.faults, lost, owned: owned.length };
    if (owned.length === 0) return { kind: 'conflicted', lost };
    return { kind: 'published', json: compiled.json, owned: owned.length, lost };
  }

  #isTrusted({ metadata }: PriceFeed): boolean {
    return this.#trusted.has(metadata.namespace ?? '');
  }
}

export function createFeedCatalogue(options: FeedCatalogueOptions): FeedCatalogue {
  return new Catalogue(options);
}

const uidOf = ({ metadata }: PriceFeed): string => metadata.uid ?? '';

const isSameSpec = (a: PriceFeed, b: PriceFeed): boolean =>
  uidOf(a) === uidOf(b) && a.metadata.generation === b.metadata.generation;

function claimOf(key: ObjectKey, { metadata, spec }: PriceFeed) {
  const { creationTimestamp = '' } = metadata;
  return { key, creationTimestamp, assets: spec.assets, quote: spec.quote };
}

/** None where the spec cannot be read, which its verdict says. */
function quotasOf({ metadata, spec }: PriceFeed): readonly QuotaClaim[] {
  try {
    if (!spec.sources.some(({ quota }) => quota !== undefined))
      return spec.sources.map(({ exchange }) => ({ exchange }));
    const { name, namespace = '' } = metadata;
    const { sources } = compilePriceFeed({ metadata: { name, namespace }, spec });
    return sources.map(({ exchange, quota }) => ({ exchange, quota }));
  } catch {
    return [];
  }
}

/** What a document has from elsewhere than its resource. */
interface Surroundings {
  /** Those that the feed owns. */
  readonly assets: readonly string[];
  readonly venueAddresses: Readonly<Record<string, VenueAddress>>;
  readonly quotaOf: QuotaOf;
}

type Compiled = { readonly json: string } | { readonly faults: readonly string[] };

/** What is stored may be of an older schema than today's: one such feed must not keep the others from their documents. */
function compile(feed: PriceFeed, surroundings: Surroundings): Compiled {
  try {
    const faults = checkSymbols(feed.spec).map(({ place, problem, fix }) => `${formatPlace(place)} ${problem}; ${fix}`);
    return faults.length > 0 ? { faults } : { json: JSON.stringify(documentOf(feed, surroundings)) };
  } catch (err) {
    const problem = err instanceof Error ? err.message : String(err);
    return { faults: [`spec cannot be read (${problem}); write it as the present schema has it`] };
  }
}

function documentOf({ metadata, spec }: PriceFeed, { assets, venueAddresses, quotaOf }: Surroundings): FeedDocument {
  const { name, namespace = '' } = metadata;
  const compiled = compilePriceFeed({ metadata: { name, namespace }, spec });
  const owned = new Set(assets);
  const sources = compiled.sources.map((source) =>
    withSharedQuota(restrict(addressed(source, venueAddresses[source.exchange]), owned), quotaOf),
  );
  return { ...compiled, assets, sources };
}

/** A source that names an address of its own keeps it. */
function addressed(source: FeedSource, address: VenueAddress | undefined): FeedSource {
  if (source.url !== undefined || address === undefined) return source;
  return { ...source, url: address.url, restUrl: source.restUrl ?? address.restUrl };
}

/** Symbols of the assets that the feed still has. */
function restrict(source: FeedSource, assets: ReadonlySet<string>): FeedSource {
  if (source.symbols === undefined) return source;
  const symbols = Object.fromEntries(Object.entries(source.symbols).filter(([asset]) => assets.has(asset)));
  return { ...source, symbols };
}
