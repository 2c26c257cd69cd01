/**
 * A map that holds at most so many entries and lets go of those that were not used lately.
 *
 * Second chance: a reader sets `used` of an entry, which costs one store where a true LRU moves the entry, and eviction
 * passes over entries used since it last came by.
 */

export interface Evictable {
  used: boolean;
}

export interface BoundedMap<V extends Evictable> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  entries(): Iterable<[string, V]>;
}

export function createBoundedMap<V extends Evictable>(capacity: number): BoundedMap<V> {
  const map = new Map<string, V>();

  const evictOne = (): void => {
    for (const [key, value] of map) {
      map.delete(key);
      if (!value.used) return;
      // Back at the end it is looked at again only after every other entry: the walk ends after one round at the latest.
      value.used = false;
      map.set(key, value);
    }
  };

  return {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    set(key, value) {
      if (map.size >= capacity && !map.has(key)) evictOne();
      map.set(key, value);
    },
    delete: (key) => void map.delete(key),
    entries: () => map.entries(),
  };
}
