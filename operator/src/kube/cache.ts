/** What a reconcile reads: objects of one kind as a watch keeps them. They are shared and never to be mutated. */
import type { KubeObject, ObjectKey } from './resource.ts';

export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

export interface Cache<T extends KubeObject> {
  /** Whether a first complete list has arrived. */
  readonly synced: boolean;
  get(key: ObjectKey): T | undefined;
  list(): readonly T[];
  /** Objects whose index function gave this value; the names of indexes are fixed when the cache is made. */
  byIndex(index: string, value: string): readonly T[];
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
