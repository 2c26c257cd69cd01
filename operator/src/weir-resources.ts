/** Weir's own kinds, the kinds both of them use, and how their objects are marked and owned. */
import type { KubeObject, OwnerReference, ResourceType } from './kube/index.ts';

const API_VERSION = 'weir.dev/v1alpha1';

export const PRICE_FEED: ResourceType = {
  apiVersion: API_VERSION,
  kind: 'PriceFeed',
  plural: 'pricefeeds',
  namespaced: true,
};
export const API_KEY_POLICY: ResourceType = {
  apiVersion: API_VERSION,
  kind: 'ApiKeyPolicy',
  plural: 'apikeypolicies',
  namespaced: true,
};
export const SECRET = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true } as const;
export const POD: ResourceType = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

export const FINALIZER = 'weir.dev/cleanup';
/** Of children and of the finalizer. */
export const MANAGER = 'weir.dev/operator';
export const STATUS_MANAGER = 'weir.dev/status';

export function ownerReferenceTo({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  const { name, uid = '' } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
