/** All watches of the process: whoever asks for the same kind in the same way shares one. */
import type { Cache, IndexFunction } from './cache.ts';
import type { KubeObject, ResourceType } from './resource.ts';

export interface CacheDefinition<T extends KubeObject> {
  readonly type: ResourceType;
  readonly labelSelector?: string;
  /** Absent: those the process watches. */
  readonly namespaces?: readonly string[];
  /** By name. Those of several askers for one cache are put together; a name stands for one function. */
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** What is kept of an object, to save memory; managedFields never are. */
  readonly transform?: (object: T) => T;
}

export interface CacheRegistry {
  /** Before the process starts its watches; answers at once, empty. */
  open<T extends KubeObject>(definition: CacheDefinition<T>): Cache<T>;
}
