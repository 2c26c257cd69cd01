/** What the API server's objects have in common, and how a kind is addressed. Objects are raw JSON, as the server sends them. */

/** A kind: enough to build every URL of it. */
export interface ResourceType {
  /** `v1`, `apps/v1`, `weir.dev/v1alpha1`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** As in URLs: `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Instants are texts, since objects are raw JSON. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** Names one object of a known kind. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** `<namespace>/<name>`: the only thing a work queue holds. */
export type ObjectKey = string;

export const keyOf = ({ metadata }: Pick<KubeObject, 'metadata'>): ObjectKey =>
  `${metadata.namespace ?? ''}/${metadata.name}`;

export function nameOf(key: ObjectKey): ObjectName {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The condition of metav1. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}
