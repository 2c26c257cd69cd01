/** The kind PriceFeed and the kinds of its children: how they are addressed, named and labelled. */
import type { PriceFeedSpec, PriceFeedStatus } from '@weir/crds';
import type { KubeObject, ResourceType } from '../kube/index.ts';
import { SECRET } from '../weir-resources.ts';

/** As the API server gives it: with its defaults. */
export interface PriceFeed extends KubeObject {
  readonly spec: PriceFeedSpec;
  readonly status?: PriceFeedStatus;
}

/** In the order they are applied: what a pod needs comes before the pods. */
export const CHILD_TYPES = {
  ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  ConfigMap: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  Secret: SECRET,
  NetworkPolicy: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    namespaced: true,
  },
  PodDisruptionBudget: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  },
  Deployment: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
} as const satisfies Record<string, ResourceType>;

export type ChildKind = keyof typeof CHILD_TYPES;

/** `Object.keys` forgets the names that the table has just listed. */
export const CHILD_KINDS = Object.keys(CHILD_TYPES) as readonly ChildKind[];

/** Names the feed on each of its children and pods. */
export const FEED_LABEL = 'weir.dev/feed';

export const childName = (feed: string): string => `${feed}-feed`;

/** What the pods are found by; never changes in the life of a Deployment. */
export function selectorLabels(feed: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/component': 'feed',
    'app.kubernetes.io/instance': feed,
    'app.kubernetes.io/name': 'weir-feed',
  };
}

export function childLabels(feed: string): Readonly<Record<string, string>> {
  return {
    ...selectorLabels(feed),
    'app.kubernetes.io/managed-by': 'weir-operator',
    'app.kubernetes.io/part-of': 'weir',
    [FEED_LABEL]: feed,
  };
}

/** As `status.selector` has it, for autoscalers. */
export function selectorText(feed: string): string {
  return Object.entries(selectorLabels(feed))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
