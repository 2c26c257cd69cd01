/** The kind ApiKeyPolicy and what it refers to, as far as they are read. */
import type { ApiKeyPolicy as CompiledFrom, ApiKeyPolicySpec } from '@weir/crds';
import type { KubeObject } from '../kube/index.ts';

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

/** On pods of every process that decides about keys. */
export const DECIDER_LABEL = 'weir.dev/decider';
