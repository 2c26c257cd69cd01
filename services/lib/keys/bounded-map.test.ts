import { expect, test } from 'vitest';
import { createBoundedMap } from './bounded-map.ts';

const keysOf = (map: { entries(): Iterable<[string, unknown]> }): string[] => [...map.entries()].map(([key]) => key);

test('keeps to its capacity and lets the oldest go first', () => {
  const map = createBoundedMap<{ used: boolean }>(3);
  for (const key of ['a', 'b', 'c', 'd']) map.set(key, { used: false });
  expect(keysOf(map)).toEqual(['b', 'c', 'd']);
});

test('spares what was used since eviction last came by, once', () => {
  const map = createBoundedMap<{ used: boolean }>(3);
  for (const key of ['a', 'b', 'c']) map.set(key, { used: key === 'a' });
  map.set('d', { used: false });
  expect(keysOf(map)).toEqual(['c', 'a', 'd']);
  map.set('e', { used: false });
  map.set('f', { used: false });
  expect(keysOf(map)).toEqual(['d', 'e', 'f']);
});

test('evicts exactly one when every entry was used', () => {
  const map = createBoundedMap<{ used: boolean }>(3);
  for (const key of ['a', 'b', 'c']) map.set(key, { used: true });
  map.set('d', { used: true });
  expect(keysOf(map)).toEqual(['b', 'c', 'd']);
});

test('replaces without evicting', () => {
  const map = createBoundedMap<{ used: boolean }>(2);
  for (const key of ['a', 'b', 'b', 'a']) map.set(key, { used: false });
  expect(map.size).toBe(2);
});
