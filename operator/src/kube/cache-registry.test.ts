import { createFakeClock, silentLogger } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { bookmark, item, ScriptedApi } from '../../test/kube/scripted-api.ts';
import { WatchedCaches } from './cache-registry.ts';
import { KubeError } from './kube-error.ts';
import type { KubeObject } from './resource.ts';

const ITEM = { apiVersion: 'v1', kind: 'Item', plural: 'items', namespaced: true };
const CLASS = { apiVersion: 'v1', kind: 'Class', plural: 'classes', namespaced: false };

function open(namespaces: readonly string[] = []) {
  const clock = createFakeClock();
  const api = new ScriptedApi();
  const transport = { send: api.send, open: api.open };
  const caches = new WatchedCaches({ namespaces, transport, clock, logger: silentLogger, random: () => 0.5 });
  return { clock, api, caches };
}

const byName = ({ metadata }: KubeObject): readonly string[] => [metadata.name];

describe('caches', () => {
  it('are shared by those who ask for the same, with the indexes of all of them', async () => {
    const { clock, api, caches } = open();
    const first = caches.open({ type: ITEM, indexes: { byName } });
    const second = caches.open({ type: { ...ITEM }, indexes: { byName, none: () => [] } });
    const other = caches.open({ type: ITEM, labelSelector: 'a=b' });
    expect([second === first, other === first]).toEqual([true, false]);
    caches.start();
    await clock.advance(0);
    expect(api.streams).toHaveLength(2);
    api.streams[0]?.send('ADDED', item('x', 1));
    api.streams[0]?.send('BOOKMARK', bookmark(2, true));
    await clock.advance(0);
    expect(first.byIndex('byName', 'x')).toHaveLength(1);
    expect([first.synced, other.synced, caches.sizes]).toEqual([true, false, { Item: 1 }]);
    await caches.stop();
  });

  it('refuse to be shared by askers who do not want the same', () => {
    const { caches } = open();
    caches.open({ type: ITEM, indexes: { byName } });
    expect(() => caches.open({ type: ITEM, indexes: { byName: () => [] } })).toThrow('index byName is given twice');
    expect(() => caches.open({ type: ITEM, transform: (object) => object })).toThrow('different transforms');
    caches.start();
    expect(() => caches.open({ type: CLASS })).toThrow('after the start');
  });

  it('watch each namespace by itself, and what has none as a whole', async () => {
    const { clock, api, caches } = open(['b', 'a', 'b']);
    const items = caches.open({ type: ITEM });
    caches.open({ type: CLASS });
    caches.open({ type: ITEM, namespaces: ['c'] });
    caches.start();
    await clock.advance(0);
    expect(api.paths).toEqual([
      '/api/v1/namespaces/a/items',
      '/api/v1/namespaces/b/items',
      '/api/v1/classes',
      '/api/v1/namespaces/c/items',
    ]);
    api.streams[0]?.send('BOOKMARK', bookmark(2, true));
    await clock.advance(0);
    expect(items.synced).toBe(false);
    api.streams[1]?.send('BOOKMARK', bookmark(2, true));
    await clock.advance(0);
    expect(items.synced).toBe(true);
    await caches.stop();
  });

  it('say what has not been read yet, and why not', async () => {
    const { clock, api, caches } = open();
    api.refusals = [new KubeError({ kind: 'forbidden', message: 'no rights' })];
    caches.open({ type: ITEM });
    caches.open({ type: CLASS });
    caches.start();
    await clock.advance(0);
    expect(caches.unsynced).toEqual(['Item (no rights)', 'Class']);
    await caches.stop();
  });

  it('learn what this process has written of their kind', () => {
    const { caches } = open();
    const items = caches.open({ type: ITEM });
    const classes = caches.open({ type: CLASS });
    caches.noteWritten(ITEM, item('x', 5));
    expect([items.isBehind('a/x'), classes.isBehind('a/x')]).toEqual([true, false]);
  });
});
