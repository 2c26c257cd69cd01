/**
 * The keys a process knows, bounded: two generations instead of a linked list, so that a hit costs one look-up.
 *
 * When the young generation is full it becomes the old one and the former old one is forgotten: the last `half` keys
 * used are always known, never more than twice as many.
 */
import type { KeyState } from './key-state.ts';

export interface KeyTable {
  get(keyId: string): KeyState | undefined;
  add(state: KeyState): void;
  states(): Iterable<KeyState>;
  readonly size: number;
}

/** `half`: how many of the most recently used keys are never forgotten. */
export function createKeyTable(half: number): KeyTable {
  let young = new Map<string, KeyState>();
  let old = new Map<string, KeyState>();
  const add = (state: KeyState): void => {
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(state.keyId, state);
  };
  return {
    get(keyId) {
      const known = young.get(keyId);
      if (known !== undefined) return known;
      const aged = old.get(keyId);
      if (aged === undefined) return undefined;
      old.delete(keyId);
      add(aged);
      return aged;
    },
    add,
    *states() {
      yield* young.values();
      yield* old.values();
    },
    get size() {
      return young.size + old.size;
    },
  };
}
