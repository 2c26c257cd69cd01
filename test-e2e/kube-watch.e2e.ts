/** Watches of a real API server that breaks in every way in which watches break. */
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { loadKubeConfig, type Cache } from '../operator/src/kube/index.ts';
import { FaultyApi } from '../operator/test/kube/faulty-api.ts';
import {
  CONFIG_MAP,
  configMap,
  createNamespace,
  openKube,
  startReflector,
  type ConfigMap,
  type OpenKube,
  type OwnNamespace,
} from '../operator/test/kube/real-cluster.ts';
import { always, eventually } from './harness/eventually.ts';

const WATCH = /^GET .*watch=true/;

/** Writes past the faults. */
let direct: OpenKube;
let own: OwnNamespace;
let api: FaultyApi;
let kube: OpenKube;
let cache: Cache<ConfigMap>;

beforeEach(async () => {
  const config = loadKubeConfig(inject('cluster').kubeconfig);
  direct = openKube(config);
  own = await createNamespace(direct, 'watch');
  api = await FaultyApi.start(config);
  kube = openKube(api.kubeConfig, [own.name]);
  cache = kube.caches.open({ type: CONFIG_MAP, labelSelector: 'test=watch' });
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

const put = (name: string, value: string): Promise<ConfigMap> => {
  const { metadata, ...rest } = configMap(own.name, name, { value });
  const labels = { test: 'watch' };
  return direct.client.apply<ConfigMap>(
    CONFIG_MAP,
    { ...rest, metadata: { ...metadata, labels } },
    { fieldManager: 'test' },
  );
};
const remove = (name: string): Promise<void> => direct.client.delete(CONFIG_MAP, { namespace: own.name, name });
const seen = (): Record<string, string | undefined> =>
  Object.fromEntries(cache.list().map(({ metadata, data }) => [metadata.name, data?.['value']]));
const sees = (wanted: Record<string, string>): Promise<void> =>
  eventually(async () => expect(seen()).toEqual(wanted), 40_000);

async function startSynced(): Promise<void> {
  await put('a', '1');
  kube.caches.start();
  await eventually(async () => expect(cache.synced).toBe(true));
  api.told();
}

/** Something changes while the watch is away; what was missed must be there, and what comes after it. */
async function recovers(): Promise<void> {
  await put('b', '1');
  await put('a', '2');
  await sees({ a: '2', b: '1' });
  await remove('a');
  await put('b', '2');
  await sees({ b: '2' });
}

describe('a watch', () => {
  it('reads everything as one stream, in the shape that objects are got in (pitfalls 5, 10)', async () => {
    const first = await put('a', '1');
    expect([cache.synced, cache.list()]).toEqual([false, []]);
    kube.caches.start();
    await eventually(async () => expect(cache.synced).toBe(true));
    expect(cache.list()).toEqual([first]);
    await put('a', '2');
    await sees({ a: '2' });
    const read = await direct.client.get<ConfigMap>(CONFIG_MAP, { namespace: own.name, name: 'a' });
    expect(cache.get(`${own.name}/a`)).toEqual(read);
    expect(read?.metadata).not.toHaveProperty('managedFields');
    const [request, ...others] = api.told();
    expect(request).toContain('sendInitialEvents=true');
    expect(request).toMatch(/allowWatchBookmarks=true&timeoutSeconds=[345]\d\d/);
    expect([request, others]).toEqual([expect.stringContaining('labelSelector=test%3Dwatch'), []]);
  });

  it('sends the user agent of the operator (pitfall 20)', async () => {
    await startSynced();
    api.endWatches();
    await eventually(async () => expect(api.seen.length).toBeGreaterThan(0));
    expect(new Set(api.seen.map(({ userAgent }) => userAgent))).toEqual(new Set(['weir-operator/test']));
  });

  it('lists page by page where streams are refused', async () => {
    const many = Array.from({ length: 1_100 }, (_each, n) => `m${n}`);
    for (let from = 0; from < many.length; from += 50) {
      await Promise.all(many.slice(from, from + 50).map((name) => put(name, '1')));
    }
    api.refuse(/sendInitialEvents/, 422, 'Invalid', { times: 100 });
    kube.caches.start();
    await eventually(async () => expect(cache.synced).toBe(true));
    expect(cache.list()).toHaveLength(1_100);
    await put('m0', '2');
    await eventually(async () => expect(seen()['m0']).toBe('2'));
    expect(api.told(/limit=500/)).toHaveLength(3);
    expect(cache.list().every(({ kind, apiVersion }) => `${apiVersion} ${kind}` === 'v1 ConfigMap')).toBe(true);
  });

  it('goes on where it was when the server ends it', async () => {
    await startSynced();
    api.endWatches();
    await recovers();
    expect(api.told(/sendInitialEvents|limit=/)).toEqual([]);
  });

  it('comes back when its connection breaks', async () => {
    await startSynced();
    const asked = (): number => api.seen.filter(({ url }) => url.includes('watch=')).length;
    for (let n = 0; n < 3; n += 1) {
      await eventually(async () => expect(api.watches).toBe(1));
      const before = asked();
      api.cutWatches();
      // How long it is away is left to chance; that it asks again is not.
      await eventually(async () => expect(asked()).toBeGreaterThan(before));
    }
    await recovers();
    expect(api.told(/sendInitialEvents|limit=/)).toEqual([]);
  });

  it('reads everything anew when the server has forgotten its version (pitfall 3)', async () => {
    await startSynced();
    // So the real server itself says 410.
    api.rewrite = (url) => url.replace(/resourceVersion=\d+/, 'resourceVersion=1');
    api.endWatches();
    await eventually(async () => expect(api.seen.some(({ url }) => url.includes('sendInitialEvents'))).toBe(true));
    api.rewrite = (url) => url;
    await recovers();
  });

  it('reads everything anew after a 410 inside a stream, and goes on after another error there (pitfall 12)', async () => {
    await startSynced();
    const gone = { kind: 'Status', apiVersion: 'v1', metadata: {}, code: 410, reason: 'Expired', message: 'too old' };
    api.inject({ type: 'ERROR', object: gone });
    await eventually(async () => expect(api.told(/sendInitialEvents/)).toHaveLength(1));
    await recovers();
    api.told();
    api.inject({ type: 'ERROR', object: { ...gone, code: 500, reason: 'InternalError' } });
    await put('c', '1');
    await sees({ b: '2', c: '1' });
    expect(api.told(/sendInitialEvents/)).toEqual([]);
  });

  it.each([
    [410, 'Expired'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
  ])('comes back after answers of %i (pitfall 3)', async (code, reason) => {
    await startSynced();
    api.refuse(WATCH, code, reason, { times: 3 });
    api.endWatches();
    await recovers();
  });

  it('leaves a server alone for as long as it asks', async () => {
    await startSynced();
    api.refuse(WATCH, 429, 'TooManyRequests', { retryAfter: '3' });
    api.endWatches();
    await eventually(async () => expect(api.told(WATCH)).toHaveLength(1));
    await always(async () => expect(api.told(WATCH)).toEqual([]), 2_500);
    await recovers();
  });

  it('survives that the server is away for a while (pitfall 3)', async () => {
    await startSynced();
    api.isAway = true;
    api.cutWatches();
    await put('b', '1');
    await eventually(async () => expect(api.told(WATCH).length).toBeGreaterThanOrEqual(1));
    await eventually(async () => expect(api.told(WATCH).length).toBeGreaterThanOrEqual(1));
    api.isAway = false;
    await recovers();
  });

  it('gives up a stream in which nothing comes, not even bookmarks', async () => {
    await using watch = startReflector(api.kubeConfig, own.name, 1_500);
    const { store } = watch;
    await eventually(async () => expect(store.synced).toBe(true));
    api.silenceWatches();
    await put('late', '1');
    await eventually(async () => expect(store.get(`${own.name}/late`)).toBeDefined());
  });

  it('is not hurt by a listener that throws (pitfall 6)', async () => {
    const heard: string[] = [];
    cache.onChange(() => {
      throw new Error('listener');
    });
    cache.onChange(({ key }) => heard.push(key));
    await startSynced();
    await recovers();
    expect(new Set(heard)).toEqual(new Set([`${own.name}/a`, `${own.name}/b`]));
  });

  it('is over for good when it is stopped (pitfall 4)', async () => {
    await startSynced();
    await kube.caches.stop();
    await eventually(async () => expect(api.watches).toBe(0));
    await put('b', '1');
    await always(async () => expect([api.told(), seen()]).toEqual([[], { a: '1' }]), 3_000);
  });

  it('sees only the namespaces that it is to see', async () => {
    await using other = await createNamespace(direct, 'other');
    await direct.client.create(CONFIG_MAP, configMap(other.name, 'foreign'));
    const all = kube.caches.open({ type: CONFIG_MAP });
    await startSynced();
    await eventually(async () => expect(all.list().some(({ metadata }) => metadata.name === 'a')).toBe(true));
    expect(new Set(all.list().map(({ metadata }) => metadata.namespace))).toEqual(new Set([own.name]));
  });

  it('lives on quietly for longer than 30 s, kept fresh by bookmarks (pitfalls 8, 9)', async () => {
    await startSynced();
    const { metadata } = await put('a', '2');
    await sees({ a: '2' });
    const written = Number(metadata.resourceVersion);
    // The whole cluster writes all the time, this namespace does not: only a bookmark can bring the version on.
    await always(async () => expect([api.watches, api.told(WATCH)]).toEqual([1, []]), 70_000);
    api.endWatches();
    await eventually(async () => expect(api.seen.some(({ url }) => /resourceVersion=\d/.test(url))).toBe(true));
    const [again = ''] = api.told(/resourceVersion=\d/);
    expect(Number(/resourceVersion=(\d+)/.exec(again)?.[1])).toBeGreaterThan(written);
  });
});
