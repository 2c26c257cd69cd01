/** The kind ApiKeyPolicy and what it refers to: how they are addressed and labelled. */
import type { ApiKeyPolicy as CompiledFrom, ApiKeyPolicySpec } from '@weir/crds';
import type { KubeObject, OwnerReference, ResourceType } from '../kube/index.ts';

export type PolicyStatus = CompiledFrom['status'];
export type KeyEntry = ApiKeyPolicySpec['keys'][number];

/** As the API server gives it: with its defaults. */
export interface ApiKeyPolicy extends KubeObject {
  readonly spec: ApiKeyPolicySpec;
  readonly status?: PolicyStatus;
}

/** As far as keys need it. */
export interface Secret extends KubeObject {
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** As far as readiness needs it. */
export interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export const API_KEY_POLICY: ResourceType = {
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'ApiKeyPolicy',
  plural: 'apikeypolicies',
  namespaced: true,
};
export const FEED: ResourceType = {
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'PriceFeed',
  plural: 'pricefeeds',
  namespaced: true,
};
export const SECRET: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
export const POD: ResourceType = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

export const FINALIZER = 'weir.dev/cleanup';
export const MANAGER = 'weir.dev/operator';
export const STATUS_MANAGER = 'weir.dev/status';
/** On pods of every process that decides about keys. */
export const DECIDER_LABEL = 'weir.dev/decider';

export function ownerReferenceTo({ apiVersion, kind, metadata }: ApiKeyPolicy): OwnerReference {
  const { name, uid = '' } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
