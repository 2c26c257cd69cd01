import { createFakeClock, silentLogger } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { bookmark, item, list, ScriptedApi, status } from '../../test/kube/scripted-api.ts';
import { KubeError, type KubeErrorKind } from './kube-error.ts';
import { Reflector } from './reflector.ts';
import type { KubeObject } from './resource.ts';
import { Store } from './store.ts';

const TYPE = { apiVersion: 'v1', kind: 'Item', plural: 'items', namespaced: true };
const failure = (kind: KubeErrorKind, retryAfterMs?: number) =>
  new KubeError({ kind, message: kind, ...(retryAfterMs !== undefined && { retryAfterMs }) });

async function open(api = new ScriptedApi()) {
  const clock = createFakeClock();
  const store = new Store<KubeObject>({ clock, logger: silentLogger, scopes: [''] });
  const reflector = new Reflector({
    type: TYPE,
    namespace: '',
    labelSelector: 'app=weir',
    store,
    send: api.send,
    open: api.open,
    clock,
    logger: silentLogger,
    random: () => 0.5,
  });
  await clock.advance(0);
  const names = () => store.list().map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);
  return { api, clock, store, reflector, names };
}

/** With `x@5` and `y@6` read as a stream, up to version 7. */
async function openSynced() {
  const opened = await open();
  const { api, clock } = opened;
  api.last.send('ADDED', item('x', 5));
  api.last.send('ADDED', item('y', 6));
  api.last.send('BOOKMARK', bookmark(7, true));
  await clock.advance(0);
  api.told();
  return opened;
}

describe('a reflector', () => {
  it('reads everything as a stream first, and is synced only at its end', async () => {
    const { api, clock, store, names } = await open();
    expect(api.told()).toEqual(['watch from everything']);
    expect(api.last.query).toEqual({
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: 450,
      labelSelector: 'app=weir',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
    });
    api.last.send('ADDED', item('x', 5));
    await clock.advance(0);
    api.last.send('BOOKMARK', bookmark(6));
    await clock.advance(0);
    expect([store.synced, names()]).toEqual([false, []]);
    api.last.send('BOOKMARK', bookmark(7, true));
    await clock.advance(0);
    expect([store.synced, names()]).toEqual([true, ['x@5']]);
    api.last.send('MODIFIED', item('x', 8));
    api.last.send('ADDED', item('z', 9));
    api.last.send('DELETED', item('x', 10));
    await clock.advance(0);
    expect([names(), api.told()]).toEqual([['z@9'], []]);
  });

  it.each(['rejected', 'unavailable', 'throttled'] as const)(
    'lists page by page when the stream is refused: %s',
    async (kind) => {
      const api = new ScriptedApi();
      api.refusals = [failure(kind)];
      api.lists = (query) => (query['continue'] === 'p2' ? list([item('y', 6)], '9') : list([item('x', 5)], '9', 'p2'));
      const { clock, store, names } = await open(api);
      await clock.advance(800);
      expect(api.told()).toEqual(['watch from everything', 'list', 'list p2', 'watch from 9']);
      expect([store.synced, names()]).toEqual([true, ['x@5', 'y@6']]);
      expect(store.get('a/x')).toEqual({ ...item('x', 5), apiVersion: 'v1', kind: 'Item' });
    },
  );

  it('lists when the stream answers with an error of the storage inside', async () => {
    const { api, clock, store } = await open();
    api.last.send('ERROR', status(500, 'InternalError', 'etcd does not support RequestWatchProgress'));
    await clock.advance(800);
    expect(api.told()).toEqual(['watch from everything', 'list', 'watch from 1']);
    expect(store.synced).toBe(true);
  });

  it('goes on from the last version at once when the server ends the watch in good order', async () => {
    const { api, clock, names } = await openSynced();
    api.last.send('MODIFIED', item('x', 12));
    await clock.advance(300_000 - 240_000);
    api.last.end();
    await clock.advance(0);
    expect(api.told()).toEqual(['watch from 12']);
    expect(api.last.query['sendInitialEvents']).toBeUndefined();
    expect(names()).toEqual(['x@12', 'y@6']);
  });

  it('follows bookmarks, so that it never falls behind what the server remembers', async () => {
    const { api, clock } = await openSynced();
    api.last.send('BOOKMARK', bookmark(500));
    await clock.advance(60_000);
    api.last.end();
    await clock.advance(0);
    expect(api.told()).toEqual(['watch from 500']);
  });

  it('reads everything anew after a 410 inside the stream, without waiting', async () => {
    const { api, clock, names } = await openSynced();
    api.last.send('ERROR', status(410, 'Expired', 'too old resource version'));
    await clock.advance(0);
    expect(api.told()).toEqual(['watch from everything']);
    expect(names()).toEqual(['x@5', 'y@6']);
    api.last.send('ADDED', item('y', 20));
    api.last.send('BOOKMARK', bookmark(21, true));
    await clock.advance(0);
    expect(names()).toEqual(['y@20']);
  });

  it('reads everything anew after a 410 as the status of the answer', async () => {
    const { api, clock } = await openSynced();
    api.refusals = [failure('gone')];
    await clock.advance(5_000);
    api.last.end();
    await clock.advance(0);
    expect(api.told()).toEqual(['watch from 7', 'watch from everything']);
  });

  it('begins a list anew whose next page is asked for too late, after a while', async () => {
    const api = new ScriptedApi();
    api.refusals = [failure('rejected')];
    let asked = 0;
    api.lists = (query) => {
      asked += 1;
      if (query['continue'] === undefined) return list([item('x', asked)], '9', 'p2');
      if (asked === 2) throw failure('gone');
      return list([], '9');
    };
    const { clock, names } = await open(api);
    await clock.advance(10_000);
    const pages = ['list', 'list p2'];
    expect(api.told()).toEqual(['watch from everything', ...pages, ...pages, 'watch from 9']);
    expect(names()).toEqual(['x@3']);
  });

  it('says why nothing comes, until something does', async () => {
    const { api, clock, reflector } = await openSynced();
    expect(reflector.fault).toBeUndefined();
    api.refusals = [failure('forbidden')];
    api.last.cut();
    await clock.advance(400);
    expect(reflector.fault).toBe('forbidden');
    await clock.advance(800);
    api.last.send('BOOKMARK', bookmark(8));
    await clock.advance(0);
    expect(reflector.fault).toBeUndefined();
  });

  it('comes back with growing delays after an error, as often as it takes', async () => {
    const { api, clock, names } = await openSynced();
    api.refusals = Array.from({ length: 8 }, () => failure('unavailable'));
    api.last.cut();
    await clock.advance(400 + 800 + 1_600 + 3_200 - 1);
    expect(api.told()).toEqual(Array(3).fill('watch from 7'));
    await clock.advance(65_000);
    expect(api.told()).toHaveLength(6);
    api.last.send('MODIFIED', item('x', 30));
    await clock.advance(0);
    expect(names()).toEqual(['x@30', 'y@6']);
  });

  it('waits as long as the server asks', async () => {
    const { api, clock } = await openSynced();
    api.refusals = [failure('throttled', 9_000)];
    api.last.cut();
    await clock.advance(400);
    expect(api.told()).toEqual(['watch from 7']);
    await clock.advance(8_999);
    expect(api.told()).toEqual([]);
    await clock.advance(1);
    expect(api.told()).toEqual(['watch from 7']);
  });

  it('begins its delays anew after a healthy minute', async () => {
    const { api, clock } = await openSynced();
    api.refusals = Array.from({ length: 5 }, () => failure('unavailable'));
    api.last.cut();
    await clock.advance(30_000);
    api.told();
    await clock.advance(60_000);
    api.last.send('BOOKMARK', bookmark(90));
    await clock.advance(0);
    api.last.cut();
    await clock.advance(400);
    expect(api.told()).toEqual(['watch from 90']);
  });

  it('gives up a stream in which nothing comes for longer than bookmarks take', async () => {
    const { api, clock } = await openSynced();
    const silent = api.last;
    await clock.advance(89_999);
    expect(silent.signal?.aborted).toBe(false);
    await clock.advance(1 + 400);
    expect([silent.signal?.aborted, api.told()]).toEqual([true, ['watch from 7']]);
  });

  it('keeps a stream in which something comes every minute', async () => {
    const { api, clock } = await openSynced();
    for (let version = 20; version < 25; version += 1) {
      await clock.advance(60_000);
      api.last.send('BOOKMARK', bookmark(version));
      await clock.advance(0);
    }
    expect([api.last.signal?.aborted, api.told()]).toEqual([false, []]);
  });

  it('does not hammer a server that ends each watch at once', async () => {
    const { api, clock } = await openSynced();
    for (let n = 0; n < 20; n += 1) {
      api.last.end();
      await clock.advance(1_000);
    }
    expect(api.told().length).toBeLessThan(7);
  });

  it.each(['{"type":"ADDED"}\n', 'no json\n', '{"type":"NEWS","object":{"metadata":{}}}\n'])(
    'comes back when what it reads makes no sense: %j',
    async (text) => {
      const { api, clock } = await openSynced();
      api.last.write(text);
      await clock.advance(400);
      expect(api.told()).toEqual(['watch from 7']);
    },
  );

  it('stops for good: no request, no change, no error, no timer', async () => {
    const { api, clock, reflector, names } = await openSynced();
    const stopped = reflector.stop();
    api.last.send('ADDED', item('z', 40));
    await stopped;
    await clock.advance(600_000);
    expect([api.told(), names(), clock.pendingTimers]).toEqual([[], ['x@5', 'y@6'], 0]);
    expect(api.last.signal?.aborted).toBe(true);
  });

  it('stops while it waits to come back', async () => {
    const { api, clock, reflector } = await openSynced();
    api.last.cut();
    await clock.advance(100);
    await reflector.stop();
    await clock.advance(600_000);
    expect([api.told(), clock.pendingTimers]).toEqual([[], 0]);
  });
});
