/** A controller, its caches and events on a real API server: for every source a copy, and nothing more than that. */
import { systemClock } from '@weir/clock';
import { createFakeClock, silentLogger } from '@weir/testing';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  Controller,
  controllerKeyOf,
  KubeEventRecorder,
  loadKubeConfig,
  nameOf,
  watchCache,
  type KubeObject,
  type ResourceType,
} from '../operator/src/kube/index.ts';
import { FaultyApi } from '../operator/test/kube/faulty-api.ts';
import {
  CONFIG_MAP,
  configMap,
  createNamespace,
  openKube,
  type ConfigMap,
  type OpenKube,
  type OwnNamespace,
} from '../operator/test/kube/real-cluster.ts';
import { always, eventually } from './harness/eventually.ts';

const EVENT: ResourceType = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };
const WRITE = /^(PATCH|PUT|POST|DELETE)/;
const fieldManager = 'weir.dev/operator';

let direct: OpenKube;
let own: OwnNamespace;
let api: FaultyApi;
let kube: OpenKube;
let controller: Controller;
let reconciled: string[];

beforeEach(async () => {
  const config = loadKubeConfig(inject('cluster').kubeconfig);
  direct = openKube(config);
  own = await createNamespace(direct, 'controller');
  api = await FaultyApi.start(config);
  kube = openKube(api.kubeConfig, [own.name]);
  reconciled = [];
  controller = startController();
  kube.caches.start();
  await eventually(async () => expect(controller.synced).toBe(true));
  controller.start();
});

afterEach(async () => {
  await controller.stop();
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

/** Copies the data of each source into an object of the same name that the source owns. */
function startController(): Controller {
  const sources = kube.caches.open<ConfigMap>({ type: CONFIG_MAP, labelSelector: 'test=source' });
  const copies = kube.caches.open<ConfigMap>({ type: CONFIG_MAP, labelSelector: 'test=copy' });
  return new Controller(
    {
      name: 'copy',
      primary: sources,
      sources: [watchCache(copies, ({ before, after }) => [before, after].flatMap(ownerKeys))],
      resyncMs: 1_000,
      reconcile: async (key, { signal }) => {
        reconciled.push(key);
        const source = sources.get(key);
        if (source === undefined || source.metadata.deletionTimestamp !== undefined) return {};
        const copy = copies.get(`${key}-copy`);
        if (copy?.data?.['value'] === source.data?.['value'] && copy !== undefined) return {};
        const known = copy?.metadata.uid === undefined ? {} : { uid: copy.metadata.uid };
        await kube.client.apply(CONFIG_MAP, copyOf(source, known), { fieldManager, signal });
        return {};
      },
    },
    { clock: systemClock, logger: silentLogger, telemetry: kube.telemetry, random: Math.random },
  );
}

const ownerKeys = (object: KubeObject | undefined): readonly string[] =>
  object === undefined ? [] : controllerKeyOf(object, 'ConfigMap');

function copyOf({ metadata, data }: ConfigMap, known: { readonly uid?: string }): ConfigMap {
  const { name, uid = '', namespace = '' } = metadata;
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true, blockOwnerDeletion: true };
  return {
    ...configMap(namespace, `${name}-copy`, data),
    metadata: { namespace, name: `${name}-copy`, labels: { test: 'copy' }, ownerReferences: [owner], ...known },
  };
}

const put = (name: string, value: string): Promise<ConfigMap> => {
  const object = configMap(own.name, name, { value });
  const metadata = { ...object.metadata, labels: { test: 'source' } };
  return direct.client.apply<ConfigMap>(CONFIG_MAP, { ...object, metadata }, { fieldManager: 'test' });
};
const read = (name: string): Promise<ConfigMap | undefined> =>
  direct.client.get<ConfigMap>(CONFIG_MAP, { namespace: own.name, name });
const shows = (name: string, value: string): Promise<void> =>
  eventually(async () => expect((await read(name))?.data?.['value']).toBe(value), 20_000);

describe('a controller', () => {
  it('brings about what is asked for, puts drift right, and writes nothing at rest', async () => {
    await put('a', '1');
    await shows('a-copy', '1');
    await put('a', '2');
    await shows('a-copy', '2');
    await direct.client.apply(CONFIG_MAP, configMap(own.name, 'a-copy', { value: 'by hand' }), {
      fieldManager: 'somebody',
    });
    await shows('a-copy', '2');
    const before = await read('a-copy');
    await direct.client.delete(CONFIG_MAP, { namespace: own.name, name: 'a-copy' });
    await shows('a-copy', '2');
    expect((await read('a-copy'))?.metadata.uid).not.toBe(before?.metadata.uid);
    await eventually(async () => expect(controller.counts).toMatchObject({ waiting: 0, working: 0, delayed: 0 }));
    api.told();
    reconciled.splice(0);
    await always(async () => expect(api.told(WRITE)).toEqual([]), 3_000);
    // The resync has looked, and found nothing to do.
    expect(reconciled.length).toBeGreaterThanOrEqual(2);
  });

  it('brings nothing back when its source goes: the copy is collected', async () => {
    await put('a', '1');
    await shows('a-copy', '1');
    await direct.client.delete(CONFIG_MAP, { namespace: own.name, name: 'a' });
    await eventually(async () => expect(await read('a-copy')).toBeUndefined());
    await always(async () => expect(await read('a-copy')).toBeUndefined(), 3_000);
  });

  it('repeats what failed while the server was in trouble', async () => {
    api.refuse(/^PATCH/, 500, 'InternalError', { times: 3 });
    api.refuse(/^PATCH/, 409, 'Conflict', { times: 2 });
    api.refuse(/^PATCH/, 429, 'TooManyRequests', { times: 1, retryAfter: '1' });
    await put('a', '1');
    await shows('a-copy', '1');
    expect(await kube.telemetry.scrape()).toContain('controller_runtime_reconcile_errors_total{controller="copy"} 6');
  });

  it('loses nothing of many changes made while its watches were broken', async () => {
    const names = Array.from({ length: 40 }, (_each, n) => `s${n}`);
    api.isAway = true;
    api.cutWatches();
    await Promise.all(names.map((name) => put(name, '1')));
    api.isAway = false;
    for (const name of names) await shows(`${name}-copy`, '1');
  });

  it('writes no more once it leads no more', async () => {
    await put('a', '1');
    await shows('a-copy', '1');
    kube.fence.close();
    api.told();
    await put('a', '2');
    await eventually(async () => expect(await kube.telemetry.scrape()).toMatch(/reconcile_errors_total\{.*\} [1-9]/));
    expect(api.told(WRITE)).toEqual([]);
    expect((await read('a-copy'))?.data).toEqual({ value: '1' });
  });
});

describe('events', () => {
  it('are taken by the server, and repetitions counted on the first one', async () => {
    const clock = createFakeClock(systemClock.nowMs());
    let lost = 0;
    const recorder = new KubeEventRecorder({
      client: direct.client,
      controller: 'weir.dev/operator',
      instance: 'operator-0',
      clock,
      logger: silentLogger,
      lost: { add: () => (lost += 1) },
    });
    const regarding = await put('a', '1');
    const { name, namespace } = { ...nameOf(`${own.name}/a`) };
    const event = { regarding, type: 'Warning', reason: 'KeyLost', action: 'IssueKey', note: 'n' } as const;
    for (let n = 0; n < 3; n += 1) recorder.record(event);
    const list = () => direct.client.list<KubeObject>(EVENT, { namespace });
    await eventually(async () => expect(await list()).toHaveLength(1));
    await clock.advance(30_000);
    await eventually(async () => {
      expect(await list()).toMatchObject([
        {
          reason: 'KeyLost',
          action: 'IssueKey',
          type: 'Warning',
          note: 'n',
          reportingController: 'weir.dev/operator',
          regarding: { kind: 'ConfigMap', name, uid: regarding.metadata.uid },
          series: { count: 3 },
        },
      ]);
    });
    await recorder.stop();
    expect(lost).toBe(0);
  });
});
