/** Keys of objects by a value that is computed from them. */
import type { IndexFunction } from './cache.ts';
import type { KubeObject, ObjectKey } from './resource.ts';

export class ObjectIndex<T extends KubeObject> {
  readonly valuesOf: IndexFunction<T>;
  readonly #keysByValue = new Map<string, Set<ObjectKey>>();
  readonly #valuesByKey = new Map<ObjectKey, readonly string[]>();

  constructor(valuesOf: IndexFunction<T>) {
    this.valuesOf = valuesOf;
  }

  keys(value: string): readonly ObjectKey[] {
    return [...(this.#keysByValue.get(value) ?? [])];
  }

  put(key: ObjectKey, object: T): void {
    this.remove(key);
    // Throws before anything is noted.
    const values = this.valuesOf(object);
    this.#valuesByKey.set(key, values);
    for (const value of values) {
      const keys = this.#keysByValue.get(value);
      if (keys === undefined) this.#keysByValue.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  remove(key: ObjectKey): void {
    for (const value of this.#valuesByKey.get(key) ?? []) {
      const keys = this.#keysByValue.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByValue.delete(value);
    }
    this.#valuesByKey.delete(key);
  }
}
