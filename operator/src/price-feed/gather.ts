/** Everything that a reconcile reads, and the watches that it is read from. */
import type { WeirError } from '@weir/errors';
import {
  keyOf,
  type Cache,
  type CacheRegistry,
  type KubeClient,
  type KubeObject,
  type ObjectKey,
} from '../kube/index.ts';
import { POD, PRICE_FEED } from '../weir-resources.ts';
import type { FeedCatalogue, FeedVerdict } from './feed-catalogue.ts';
import type { FeedReport } from './feed-report.ts';
import type { Pod } from './pod-faults.ts';
import type { ReportPoller } from './poll-feed-reports.ts';
import type { QuotaConflict } from './quota-claims.ts';
import { CHILD_TYPES, childName, FEED_LABEL, type ChildKind, type PriceFeed } from './price-feed.ts';

/** Secrets are not watched: whoever may do that may read all of them. */
export type WatchedKind = Exclude<ChildKind, 'Secret'>;

export interface FeedCaches {
  readonly feeds: Cache<PriceFeed>;
  readonly children: Readonly<Record<WatchedKind, Cache<KubeObject>>>;
  readonly pods: Cache<Pod>;
}

/** What a reconcile goes by. */
export interface Observed {
  readonly feed: PriceFeed;
  readonly verdict: FeedVerdict;
  readonly quotaConflicts: readonly QuotaConflict[];
  /** As the watches have them. */
  readonly children: Readonly<Record<WatchedKind, KubeObject | undefined>>;
  readonly pods: readonly Pod[];
  readonly report: FeedReport | undefined;
}

export interface GatherOptions {
  readonly caches: FeedCaches;
  readonly catalogue: FeedCatalogue;
  readonly reports: ReportPoller;
}

export const WATCHED_KINDS: readonly WatchedKind[] = [
  'ServiceAccount',
  'ConfigMap',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Deployment',
];

const PODS_OF_FEED = 'feed';

export function openCaches(registry: CacheRegistry): FeedCaches {
  const open = (kind: WatchedKind): Cache<KubeObject> =>
    registry.open({ type: CHILD_TYPES[kind], labelSelector: FEED_LABEL });
  return {
    feeds: registry.open<PriceFeed>({ type: PRICE_FEED }),
    children: {
      ServiceAccount: open('ServiceAccount'),
      ConfigMap: open('ConfigMap'),
      NetworkPolicy: open('NetworkPolicy'),
      PodDisruptionBudget: open('PodDisruptionBudget'),
      Deployment: open('Deployment'),
    },
    pods: registry.open<Pod>({
      type: POD,
      labelSelector: FEED_LABEL,
      indexes: { [PODS_OF_FEED]: feedKeysOf },
      transform: withoutSpec,
    }),
  };
}

/** The feed that an object with the label belongs to. */
export function feedKeysOf({ metadata }: KubeObject): readonly ObjectKey[] {
  const feed = metadata.labels?.[FEED_LABEL];
  return feed === undefined ? [] : [`${metadata.namespace ?? ''}/${feed}`];
}

function withoutSpec({ apiVersion, kind, metadata, status }: Pod): Pod {
  return { apiVersion, kind, metadata, ...(status !== undefined && { status }) };
}

/** `undefined` while a watch has yet to deliver what this process has written itself. */
export function gather(feed: PriceFeed, { caches, catalogue, reports }: GatherOptions): Observed | undefined {
  const key = keyOf(feed);
  const child = childKeyOf(feed);
  if (WATCHED_KINDS.some((kind) => caches.children[kind].isBehind(child))) return undefined;
  const get = (kind: WatchedKind): KubeObject | undefined => caches.children[kind].get(child);
  return {
    feed,
    verdict: catalogue.verdictOf(feed),
    quotaConflicts: catalogue.quotaConflictsOf(feed),
    children: {
      ServiceAccount: get('ServiceAccount'),
      ConfigMap: get('ConfigMap'),
      NetworkPolicy: get('NetworkPolicy'),
      PodDisruptionBudget: get('PodDisruptionBudget'),
      Deployment: get('Deployment'),
    },
    pods: caches.pods.byIndex(PODS_OF_FEED, key),
    report: reports.reportOf(key),
  };
}

const childKeyOf = ({ metadata }: PriceFeed): ObjectKey => `${metadata.namespace ?? ''}/${childName(metadata.name)}`;

export function readSecret(
  kube: KubeClient,
  { metadata }: PriceFeed,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const name = { namespace: metadata.namespace ?? '', name: childName(metadata.name) };
  return kube.get(CHILD_TYPES.Secret, name, { signal });
}

/**
 * How the publication of the document went. pending: Valkey did not answer just now, which mostly passes within seconds.
 * absent: there is none to publish.
 */
export type PublishOutcome =
  | { readonly kind: 'published'; readonly seq: number }
  | { readonly kind: 'pending' | 'failed'; readonly error: WeirError }
  | { readonly kind: 'absent' };
