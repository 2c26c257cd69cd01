/** What a kind brings along to be driven: what it watches, what it does, and how much at once. */
import type { Cache, CacheChange } from './cache.ts';
import type { Reconcile } from './reconciler.ts';
import type { KubeObject, ObjectKey } from './resource.ts';

export type Enqueue = (key: ObjectKey, options?: EnqueueOptions) => void;

export interface EnqueueOptions {
  /** Behind everything that is urgent. Default false. */
  readonly isLowPriority?: boolean;
  /** Forgets earlier failures, as when what was wrong has been put right. Default false. */
  readonly resetsBackoff?: boolean;
}

/** Something that makes objects worth another look; a function answers how to end it. */
export interface ControllerSource {
  /** Nothing is reconciled before every source says so. */
  readonly synced: boolean;
  subscribe(enqueue: Enqueue): () => void;
}

export interface ControllerDefinition {
  /** As metrics and logs name it: `pricefeed`. */
  readonly name: string;
  /**
   * The kind that is reconciled: each change of one of its objects enqueues it, a new generation also resets its
   * backoff, and the resync goes through all of them.
   */
  readonly primary: Cache<KubeObject>;
  /** What else can make an object worth a look: children, what it refers to, Valkey that is back. */
  readonly sources?: readonly ControllerSource[];
  readonly reconcile: Reconcile;
  /** Objects at once; default 5. */
  readonly concurrency?: number;
  /** Of one reconcile; default 60 s. */
  readonly timeoutMs?: number;
  /** Every object is looked at again at least this often, ± 10 %, at low priority. Absent: never by itself. */
  readonly resyncMs?: number;
}

/** Objects of `cache` that make others worth a look. */
export function watchCache<T extends KubeObject>(
  cache: Cache<T>,
  keysOf: (change: CacheChange<T>) => Iterable<ObjectKey>,
): ControllerSource {
  return {
    get synced() {
      return cache.synced;
    },
    subscribe: (enqueue) =>
      cache.onChange((change) => {
        for (const key of keysOf(change)) enqueue(key, { isLowPriority: change.isFromList });
      }),
  };
}

/** The key of the controlling owner of this kind, in the object's namespace. */
export function controllerKeyOf(object: KubeObject, kind: string): readonly ObjectKey[] {
  const owner = object.metadata.ownerReferences?.find((each) => each.controller === true && each.kind === kind);
  return owner === undefined ? [] : [`${object.metadata.namespace ?? ''}/${owner.name}`];
}
