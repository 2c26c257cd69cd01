import { createFakeClock, silentLogger } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import type { CacheChange } from './cache.ts';
import type { KubeObject } from './resource.ts';
import { Store } from './store.ts';

interface Item extends KubeObject {
  readonly spec: { readonly color: string; readonly notes?: readonly string[] };
}

const item = (name: string, version: number, color = 'red', namespace = 'a'): Item => ({
  apiVersion: 'v1',
  kind: 'Item',
  metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: String(version) },
  spec: { color, notes: ['n'] },
});

function open(scopes: readonly string[] = [''], transform?: (object: Item) => Item) {
  const clock = createFakeClock();
  const store = new Store<Item>({ clock, logger: silentLogger, scopes, transform });
  const changes: string[] = [];
  const describeChange = ({ key, before, after, isFromList }: CacheChange<Item>): string =>
    `${key} ${before?.spec.color ?? '-'}>${after?.spec.color ?? '-'}${isFromList ? ' listed' : ''}`;
  store.onChange((change) => changes.push(describeChange(change)));
  return { store, clock, changes, told: () => changes.splice(0) };
}

describe('a store', () => {
  it('tells what came, changed and went, and what it was before', () => {
    const { store, told } = open();
    store.put(item('x', 1));
    store.put(item('x', 2, 'blue'));
    store.remove('a/x');
    store.remove('a/x');
    expect(told()).toEqual(['a/x ->red', 'a/x red>blue', 'a/x blue>-']);
    expect(store.list()).toEqual([]);
  });

  it('tells of a repeated list only what is different from before', () => {
    const { store, told } = open();
    expect(store.synced).toBe(false);
    store.replace('', [item('x', 1), item('y', 1)]);
    expect(store.synced).toBe(true);
    expect(told()).toEqual(['a/x ->red listed', 'a/y ->red listed']);
    store.replace('', [item('x', 1), item('z', 3)]);
    expect(told()).toEqual(['a/z ->red listed', 'a/y red>- listed']);
  });

  it('takes an object of the same name with another uid for another object', () => {
    const { store, told } = open();
    store.replace('', [item('x', 5)]);
    const again = item('x', 5, 'blue');
    store.replace('', [{ ...again, metadata: { ...again.metadata, uid: 'other' } }]);
    expect(told()).toEqual(['a/x ->red listed', 'a/x red>blue listed']);
  });

  it('believes a list whose versions are lower, as after the storage was restored', () => {
    const { store } = open();
    store.replace('', [item('x', 900, 'red')]);
    store.replace('', [item('x', 7, 'blue')]);
    expect(store.get('a/x')?.spec.color).toBe('blue');
  });

  it('is synced when each namespace is, and a list of one leaves the others alone', () => {
    const { store } = open(['a', 'b']);
    store.replace('a', [item('x', 1)]);
    expect(store.synced).toBe(false);
    store.replace('b', [item('y', 1, 'red', 'b')]);
    expect(store.synced).toBe(true);
    store.replace('a', []);
    expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['y']);
  });

  it('finds objects by index, also after they change or go, and for an index that comes late (pitfall 11)', () => {
    const { store } = open();
    const byColor = ({ spec }: Item): readonly string[] => [spec.color];
    store.put(item('x', 1));
    store.addIndex('color', byColor);
    store.put(item('y', 1));
    const names = (color: string) => store.byIndex('color', color).map(({ metadata }) => metadata.name);
    expect(names('red')).toEqual(['x', 'y']);
    store.put(item('x', 2, 'blue'));
    expect([names('red'), names('blue')]).toEqual([['y'], ['x']]);
    store.remove('a/y');
    expect(names('red')).toEqual([]);
    store.addIndex('color', byColor);
    expect(() => store.addIndex('color', () => [])).toThrow('given twice');
    expect(() => store.byIndex('size', 'l')).toThrow('no index size');
  });

  it('keeps what the transform leaves, and freezes it all the way down', () => {
    const { store } = open([''], (object) => ({ ...object, spec: { color: object.spec.color, notes: [] } }));
    store.put(item('x', 1));
    const kept = store.get('a/x');
    expect(kept?.spec.notes).toEqual([]);
    expect([kept, kept?.metadata, kept?.spec, kept?.spec.notes].map((part) => Object.isFrozen(part))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('goes on when a listener throws: the others hear the same, and everything after it', () => {
    const { store } = open();
    const heard: string[] = [];
    store.onChange(() => {
      throw new Error('listener');
    });
    store.onChange(({ key }) => heard.push(key));
    store.replace('', [item('x', 1), item('y', 1)]);
    expect(heard).toEqual(['a/x', 'a/y']);
    expect(store.synced).toBe(true);
  });

  it('keeps an object that an index cannot read', () => {
    const { store } = open();
    store.addIndex('broken', () => {
      throw new Error('index');
    });
    store.replace('', [item('x', 1), item('y', 1)]);
    expect([store.list().length, store.byIndex('broken', 'red')]).toEqual([2, []]);
  });

  it('knows that it is behind what this process has written, until the watch brings it', () => {
    const { store } = open();
    store.put(item('x', 99));
    store.noteWritten(item('x', 100));
    expect(store.isBehind('a/x')).toBe(true);
    store.put(item('x', 101));
    expect(store.isBehind('a/x')).toBe(false);
    store.noteWritten(item('x', 101));
    expect(store.isBehind('a/x')).toBe(false);
  });

  it('expects a written object that is not here yet, but not for ever', async () => {
    const { store, clock } = open();
    store.noteWritten(item('x', 5));
    expect(store.isBehind('a/x')).toBe(true);
    await clock.advance(5_000);
    expect(store.isBehind('a/x')).toBe(false);
  });
});
