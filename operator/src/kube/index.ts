/**
 * The machinery of an operator: client, watches, queues, election, events. It knows no kind of Weir's.
 *
 * Guarantees: every call has a deadline and its errors say whether a retry can help; nothing is written once leadership
 * is lost; a watch that breaks, for whatever reason, comes back by itself; no two workers ever have the same object, and
 * none is forgotten. Does not: decide what is desired, or cache what nobody asked it to watch.
 */
export type { Cache, CacheChange } from './cache.ts';
export type { CacheRegistry } from './cache-registry.ts';
export { setCondition, type ConditionUpdate } from './conditions.ts';
export {
  controllerKeyOf,
  watchCache,
  type ControllerDefinition,
  type ControllerSource,
} from './controller-definition.ts';
export { connectKube, type KubeConnection } from './connect-kube.ts';
export { Controller } from './controller.ts';
export { dropFinalizer } from './drop-finalizer.ts';
export { KubeEventRecorder, type EventRecorder, type ObjectEvent } from './event-recorder.ts';
export type { Fence } from './fence.ts';
export type { KubeClient } from './kube-client.ts';
export { isKubeError, KubeError, type KubeErrorKind } from './kube-error.ts';
export { LeaderElector } from './leader-elector.ts';
export { watchLoop } from './loop-watch.ts';
export { loadKubeConfig } from './pooled-kube-config.ts';
export type { Reconcile, ReconcileResult } from './reconciler.ts';
export {
  keyOf,
  nameOf,
  type Condition,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from './resource.ts';
