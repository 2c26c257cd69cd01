/** The objects of one kind in memory, with indexes, as one or more watches keep them. */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { Cache, CacheChange, IndexFunction } from './cache.ts';
import { ObjectIndex } from './object-index.ts';
import { keyOf, nameOf, type KubeObject, type ObjectKey } from './resource.ts';
import { isOlderVersion } from './resource-version.ts';

export interface StoreOptions<T extends KubeObject> {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Pick<Logger, 'error'>;
  /** What is kept of an object. */
  readonly transform?: ((object: T) => T) | undefined;
  /** Namespaces that are listed apart; `''` stands for all of them. Synced when each of them is. */
  readonly scopes: readonly string[];
}

interface Written {
  readonly resourceVersion: string;
  readonly atMs: number;
}

/** A watch delivers within milliseconds; what has not come by then was deleted, or left the selector. */
const EXPECTED_WITHIN_MS = 5_000;

export class Store<T extends KubeObject> implements Cache<T> {
  readonly #options: StoreOptions<T>;
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, ObjectIndex<T>>();
  readonly #listeners = new Set<(change: CacheChange<T>) => void>();
  readonly #written = new Map<ObjectKey, Written>();
  readonly #unsynced: Set<string>;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
    this.#unsynced = new Set(options.scopes);
  }

  get synced(): boolean {
    return this.#unsynced.size === 0;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`no index ${index}`);
    return found.keys(value).flatMap((key) => this.#objects.get(key) ?? []);
  }

  isBehind(key: ObjectKey): boolean {
    const written = this.#written.get(key);
    if (written === undefined) return false;
    const version = this.#objects.get(key)?.metadata.resourceVersion;
    const isExpected = version === undefined || isOlderVersion(version, written.resourceVersion);
    if (isExpected && this.#options.clock.monotonicMs() - written.atMs < EXPECTED_WITHIN_MS) return true;
    this.#written.delete(key);
    return false;
  }

  onChange(listener: (change: CacheChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Throws when the name already stands for another function. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    const known = this.#indexes.get(name);
    if (known !== undefined && known.valuesOf !== valuesOf) throw new TypeError(`index ${name} is given twice`);
    if (known !== undefined) return;
    const index = new ObjectIndex(valuesOf);
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) this.#putIntoIndexes(key, object);
  }

  noteWritten({ metadata }: KubeObject): void {
    const { resourceVersion } = metadata;
    if (resourceVersion === undefined) return;
    const atMs = this.#options.clock.monotonicMs();
    // Oldest first: what nobody asks about, or never comes here, does not stay.
    for (const [key, written] of this.#written) {
      if (atMs - written.atMs < EXPECTED_WITHIN_MS) break;
      this.#written.delete(key);
    }
    const key = keyOf({ metadata });
    this.#written.delete(key);
    this.#written.set(key, { resourceVersion, atMs });
  }

  /** A complete list of one scope: what is not in it is gone. */
  replace(scope: string, objects: readonly T[]): void {
    const listed = new Set<ObjectKey>();
    for (const object of objects) {
      listed.add(keyOf(object));
      this.put(object, true);
    }
    for (const key of this.#objects.keys()) {
      const isInScope = scope === '' || nameOf(key).namespace === scope;
      if (isInScope && !listed.has(key)) this.remove(key, true);
    }
    this.#unsynced.delete(scope);
  }

  put(object: T, isFromList = false): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined && isSameVersion(before, object)) return;
    const after = deepFreeze(this.#options.transform?.(object) ?? object);
    this.#objects.set(key, after);
    this.#putIntoIndexes(key, after);
    this.#tell({ key, ...(before !== undefined && { before }), after, isFromList });
  }

  remove(key: ObjectKey, isFromList = false): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#written.delete(key);
    for (const index of this.#indexes.values()) index.remove(key);
    this.#tell({ key, before, isFromList });
  }

  /** An object that an index cannot read is found by its name all the same. */
  #putIntoIndexes(key: ObjectKey, object: T): void {
    for (const [name, index] of this.#indexes) {
      try {
        index.put(key, object);
      } catch (err) {
        this.#options.logger.error({ err, key, index: name }, 'an index of a cache failed');
      }
    }
  }

  /** A listener that throws must not keep the others, or the objects that follow, from being heard. */
  #tell(change: CacheChange<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (err) {
        this.#options.logger.error({ err, key: change.key }, 'a listener of a cache failed');
      }
    }
  }
}

/** Any other version counts, not only a newer one: a storage that was restored begins lower. */
function isSameVersion({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return a.uid === b.uid && a.resourceVersion !== undefined && a.resourceVersion === b.resourceVersion;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
