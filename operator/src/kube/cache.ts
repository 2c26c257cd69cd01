/** What a reconcile reads: objects of one kind as a watch keeps them. They are shared, and frozen. */
import type { KubeObject, ObjectKey } from './resource.ts';

export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

export interface Cache<T extends KubeObject> {
  /** Whether a first complete list has arrived. */
  readonly synced: boolean;
  get(key: ObjectKey): T | undefined;
  list(): readonly T[];
  /** Objects whose index function gave this value; the names of indexes are fixed when the cache is made. */
  byIndex(index: string, value: string): readonly T[];
  /**
   * Whether this process has written a newer version of the object than the one that is here, which it is about to see.
   * After some seconds it says no all the same: the object may have gone meanwhile.
   */
  isBehind(key: ObjectKey): boolean;
  /** Told of every object that came, changed or went; it must only note keys. Answers how to end it. */
  onChange(listener: (change: CacheChange<T>) => void): () => void;
}

export interface CacheChange<T extends KubeObject> {
  readonly key: ObjectKey;
  /** Absent: it came. */
  readonly before?: T;
  /** Absent: it went. */
  readonly after?: T;
  /** From a first or repeated list, which is less urgent than a change that was watched. */
  readonly isFromList: boolean;
}
