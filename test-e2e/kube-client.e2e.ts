/** What the operator's client and a real API server make of each other. */
import { startProxy } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { pauseInstalledOperator } from './harness/own-operator.ts';
import { loadKubeConfig, type Condition, type KubeObject, type ResourceType } from '../operator/src/kube/index.ts';
import {
  CONFIG_MAP,
  configMap,
  createNamespace,
  openKube,
  PRICE_FEED,
  type ConfigMap,
  type OpenKube,
  type OwnNamespace,
} from '../operator/test/kube/real-cluster.ts';
import { eventually } from './harness/eventually.ts';

interface PriceFeed extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly Condition[] };
}

const DEPLOYMENT: ResourceType = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
const CLUSTER_ROLE: ResourceType = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
};

const fieldManager = 'weir.dev/operator';
const load = () => loadKubeConfig(inject('cluster').kubeconfig);

let kube: OpenKube;
let own: OwnNamespace;
let resumeInstalled: () => Promise<void>;

beforeAll(async () => {
  // It would write the status of the feeds below.
  resumeInstalled = await pauseInstalledOperator();
  kube = openKube(load());
  own = await createNamespace(kube, 'client');
});
afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await kube[Symbol.asyncDispose]();
  await resumeInstalled();
});

const feed = (name: string, spec: Readonly<Record<string, unknown>> = {}): PriceFeed => ({
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'PriceFeed',
  metadata: { namespace: own.name, name },
  // Suspended: whoever runs an operator here has nothing to do for it.
  spec: { suspend: true, assets: ['BTC'], sources: [{ name: 'coinbase', exchange: 'coinbase' }], ...spec },
});

describe('connections', () => {
  it('are two for ten calls and a watch, and few for many calls at once (pitfall 1)', async () => {
    const config = load();
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('no cluster');
    const target = new URL(cluster.server);
    await using proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
    config.clusters = [{ ...cluster, server: `https://127.0.0.1:${proxy.port}` }];
    await using through = openKube(config, [own.name]);
    const cache = through.caches.open({ type: CONFIG_MAP });
    through.caches.start();
    await eventually(async () => expect(cache.synced).toBe(true));
    for (let n = 0; n < 10; n += 1) await through.client.get(CONFIG_MAP, { namespace: own.name, name: 'none' });
    expect(proxy.accepted).toBeLessThanOrEqual(3);
    const lanes = Array.from({ length: 5 }, async () => {
      for (let n = 0; n < 40; n += 1) await through.client.get(CONFIG_MAP, { namespace: own.name, name: 'none' });
    });
    await Promise.all(lanes);
    expect(proxy.accepted).toBeLessThanOrEqual(12);
    expect(proxy.connections).toBe(proxy.accepted);
  });

  it('that hang end a call in time, and the next one works (pitfall 2)', async () => {
    const config = load();
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('no cluster');
    const target = new URL(cluster.server);
    await using proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
    config.clusters = [{ ...cluster, server: `https://127.0.0.1:${proxy.port}` }];
    await using through = openKube(config);
    const name = { namespace: own.name, name: 'none' };
    await through.leaseClient.get(CONFIG_MAP, name);
    proxy.stall(true);
    await expect(through.leaseClient.get(CONFIG_MAP, name)).rejects.toMatchObject({ kind: 'timeout' });
    proxy.stall(false);
    expect(await through.leaseClient.get(CONFIG_MAP, name)).toBeUndefined();
  });
});

describe('server-side apply', () => {
  it('writes nothing when nothing is new', async () => {
    const wanted = configMap(own.name, 'same', { a: '1' });
    const first = await kube.client.apply(CONFIG_MAP, wanted, { fieldManager });
    const second = await kube.client.apply(CONFIG_MAP, wanted, { fieldManager });
    expect(second).toEqual(first);
    expect(first.metadata).not.toHaveProperty('managedFields');
  });

  it('takes an object as it came, managedFields and all, for what to apply (pitfall 19)', async () => {
    const read = await kube.client.apply(CONFIG_MAP, configMap(own.name, 'managed', { a: '1' }), { fieldManager });
    const { resourceVersion: _version, ...metadata } = read.metadata;
    const carried = { ...read, metadata: { ...metadata, managedFields: [{ manager: 'x' }] } };
    await kube.client.apply(CONFIG_MAP, carried, { fieldManager });
  });

  it('never brings a deleted object back when it names its uid (pitfall 18)', async () => {
    const wanted = configMap(own.name, 'gone', { a: '1' });
    const { metadata } = await kube.client.apply(CONFIG_MAP, wanted, { fieldManager });
    await kube.client.delete(CONFIG_MAP, { namespace: own.name, name: 'gone' });
    const stale = { ...wanted, metadata: { ...wanted.metadata, uid: metadata.uid ?? '' } };
    await expect(kube.client.apply(CONFIG_MAP, stale, { fieldManager })).rejects.toMatchObject({ kind: 'conflict' });
    expect(await kube.client.get(CONFIG_MAP, { namespace: own.name, name: 'gone' })).toBeUndefined();
  });

  it('to the status never creates the object (pitfall 18)', async () => {
    const status = { ...feed('absent'), spec: {}, status: { conditions: [] } };
    const { spec: _spec, ...wanted } = status;
    const call = kube.client.applyStatus(PRICE_FEED, wanted, { fieldManager: 'weir.dev/status' });
    await expect(call).rejects.toMatchObject({ kind: 'notFound' });
  });

  it.each([
    ['an unknown field', { spec: { unknown: 1 } }],
    ['an item of a set twice', { spec: { assets: ['BTC', 'BTC'] } }],
  ])('turns down %s for good, although the server says 500 (pitfall 17)', async (_what, { spec }) => {
    const call = kube.client.apply(PRICE_FEED, feed('wrong', spec), { fieldManager });
    await expect(call).rejects.toMatchObject({ kind: 'rejected', code: 500 });
  });

  it('turns down a variable given twice for good (pitfall 17)', async () => {
    const labels = { app: 'twice' };
    const env = [
      { name: 'A', value: '1' },
      { name: 'A', value: '2' },
    ];
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i', env }] } };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: own.name, name: 'twice' },
      spec: { selector: { matchLabels: labels }, template },
    };
    await expect(kube.client.apply(DEPLOYMENT, deployment, { fieldManager })).rejects.toMatchObject({
      kind: 'rejected',
      code: 500,
    });
  });

  it('plans without writing', async () => {
    const plan = await kube.client.apply(CONFIG_MAP, configMap(own.name, 'plan', { a: '1' }), {
      fieldManager,
      dryRun: true,
    });
    expect(plan.data).toEqual({ a: '1' });
    expect(await kube.client.get(CONFIG_MAP, { namespace: own.name, name: 'plan' })).toBeUndefined();
  });

  it('lets two managers each own conditions, and says who is in the way without force', async () => {
    await kube.client.apply(PRICE_FEED, feed('shared'), { fieldManager });
    const condition = (type: string, status: Condition['status'] = 'True'): Condition => ({
      type,
      status,
      reason: 'Test',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const apply = (conditions: readonly Condition[], manager: string, force: boolean) => {
      const { spec: _spec, ...bare } = feed('shared');
      const wanted = { ...bare, status: { conditions } };
      return kube.client.applyStatus(PRICE_FEED, wanted, { fieldManager: manager, force });
    };
    await apply([condition('Ready')], 'weir.dev/status', true);
    const both = await apply([condition('Other')], 'somebody', false);
    expect(both.status.conditions.map(({ type }) => type).toSorted()).toEqual(['Other', 'Ready']);
    await expect(apply([condition('Ready', 'False')], 'somebody', false)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('weir.dev/status'),
    });
  });
});

describe('errors', () => {
  it('say which field is wrong and why (pitfall 16)', async () => {
    const call = kube.client.create(PRICE_FEED, feed('invalid', { replicas: -1 }));
    await expect(call).rejects.toMatchObject({
      kind: 'rejected',
      code: 422,
      reason: 'Invalid',
      causes: expect.arrayContaining([
        { field: 'spec.replicas', reason: 'FieldValueInvalid', message: expect.stringContaining('-1') },
      ]),
    });
  });

  it('tell a name that is taken from an object that has changed', async () => {
    const created = await kube.client.create(CONFIG_MAP, configMap(own.name, 'taken'));
    await expect(kube.client.create(CONFIG_MAP, configMap(own.name, 'taken'))).rejects.toMatchObject({
      kind: 'exists',
    });
    await kube.client.replace<ConfigMap>(CONFIG_MAP, { ...created, data: { a: '1' } });
    await expect(kube.client.replace<ConfigMap>(CONFIG_MAP, { ...created, data: { a: '2' } })).rejects.toMatchObject({
      kind: 'conflict',
    });
  });

  it('do not come of a deletion of what is gone, and do of that of another object', async () => {
    const name = { namespace: own.name, name: 'deleted' };
    await kube.client.create(CONFIG_MAP, configMap(own.name, 'deleted'));
    const other = '00000000-0000-0000-0000-000000000000';
    await expect(kube.client.delete(CONFIG_MAP, name, { uid: other })).rejects.toMatchObject({ kind: 'conflict' });
    await kube.client.delete(CONFIG_MAP, name);
    await kube.client.delete(CONFIG_MAP, name);
  });

  it('come of what a namespace that is going does not take any more', async () => {
    const going = await createNamespace(kube, 'going');
    const pinned = configMap(going.name, 'pinned');
    const finalizers = ['weir.dev/test'];
    await kube.client.create(CONFIG_MAP, { ...pinned, metadata: { ...pinned.metadata, finalizers } });
    await going[Symbol.asyncDispose]();
    await eventually(async () => {
      await expect(kube.client.create(CONFIG_MAP, configMap(going.name, 'late'))).rejects.toMatchObject({
        kind: 'forbidden',
      });
    });
    await kube.client.merge(CONFIG_MAP, pinned.metadata as never, { metadata: { finalizers: null } });
  });
});

describe('paths', () => {
  it('keep names that hold colons and capitals (pitfall 13)', async () => {
    const role = await kube.client.get(CLUSTER_ROLE, { namespace: '', name: 'system:kube-dns' });
    expect(role?.metadata.name).toBe('system:kube-dns');
  });
});
