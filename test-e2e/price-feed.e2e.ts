/** What a PriceFeed brings about, on a real API server: once, again when it is disturbed, and never after its end. */
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger, startTestValkey, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import type { FeedDocument } from '@weir/wire';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repository } from './harness/cluster.ts';
import { always, eventually } from './harness/eventually.ts';
import {
  conditionOf,
  find,
  get,
  kubectl,
  list,
  patch,
  remove,
  tryKubectl,
  type KubeObject,
} from './harness/kubectl.ts';
import { pauseInstalledOperator, startOwnOperator, type OwnOperator } from './harness/own-operator.ts';
import { priceFeed, type PriceFeed } from './harness/resources.ts';

const HOME = 'weir-e2e-feeds';
const STRANGE = 'weir-e2e-strange';
const CHILDREN = ['serviceaccount', 'configmap', 'secret', 'networkpolicy', 'poddisruptionbudget', 'deployment'];

let server: TestValkey;
let valkey: Valkey;
let operator: OwnOperator;
let resume: () => Promise<void>;

interface Deployment extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly ownerReferences?: readonly { readonly uid: string }[] };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly nodeSelector?: object; readonly containers: readonly unknown[] } };
  };
}

/** The first namespace is trusted. */
const start = (namespaces = [HOME, STRANGE]): Promise<OwnOperator> =>
  startOwnOperator({ namespaces, valkeyUrl: server.url });

const documents = (): Promise<Record<string, string>> => valkey.bulk.hgetall(keyspace.feeds.key());

async function documentOf(name: string): Promise<FeedDocument> {
  const json = (await documents())[`${HOME}/${name}`];
  if (json === undefined) throw new Error(`there is no document of ${name}`);
  return JSON.parse(json) as FeedDocument;
}

interface FeedSpec {
  readonly assets: readonly string[];
  readonly replicas?: number;
}

const create = (name: string, spec: FeedSpec, within = HOME): Promise<void> =>
  applyIn(within, priceFeed({ name, namespace: within }, spec));

async function applyIn(within: string, object: object): Promise<void> {
  const args = ['apply', '--server-side', '--namespace', within, '--filename', '-'];
  const { status, stderr } = await tryKubectl(args, JSON.stringify(object));
  expect([status, stderr]).toEqual([0, '']);
}

const child = <T extends KubeObject>(kind: string, feed: string): Promise<T> => get<T>(kind, `${feed}-feed`, HOME);

/** Resolves once the condition is so, for the newest generation. */
function whenIs(name: string, type: string, expected: string, within = HOME): Promise<PriceFeed> {
  return eventually(async () => {
    const feed = await get<PriceFeed>('pf', name, within);
    const { status, reason, observedGeneration } = conditionOf(feed, type) ?? {};
    expect([`${status}/${reason}`, observedGeneration]).toEqual([expected, feed.metadata.generation]);
    return feed;
  });
}

const versions = async (): Promise<object> => {
  const objects = [
    ...(await list<KubeObject>('pf', '--namespace', HOME)),
    ...(await list<KubeObject>(CHILDREN.join(','), '--namespace', HOME, '--selector', 'weir.dev/feed')),
  ];
  return Object.fromEntries(
    objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
  );
};

/** Sooner or later a feed is reconciled twice and nothing is written. */
const comesToRest = (): Promise<void> =>
  eventually(async () => {
    const [writes, reconciles] = [await operator.writes(), await operator.reconciles()];
    await eventually(async () => expect(await operator.reconciles()).toBeGreaterThan(reconciles + 1));
    expect(await operator.writes()).toBe(writes);
  }, 120_000);

const hasChildren = (feed: string, kinds: readonly string[]): Promise<unknown> =>
  eventually(() => Promise.all(kinds.map((kind) => child(kind, feed))));
const hasAllChildren = (feed: string): Promise<unknown> => hasChildren(feed, CHILDREN);
const hasAllChildrenButBudget = (feed: string): Promise<unknown> =>
  hasChildren(
    feed,
    CHILDREN.filter((kind) => kind !== 'poddisruptionbudget'),
  );

beforeAll(async () => {
  if ((await tryKubectl(['get', 'crd', 'pricefeeds.weir.dev'])).status !== 0) {
    await kubectl('apply', '--server-side', '--filename', path.join(repository, 'crds/pricefeeds.yaml'));
    await kubectl('wait', '--for=condition=Established', 'crd/pricefeeds.weir.dev', '--timeout=60s');
  }
  resume = await pauseInstalledOperator();
  for (const name of [HOME, STRANGE]) {
    await applyIn(name, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  server = await startTestValkey();
  const telemetry = createTestTelemetry();
  const options = { clock: systemClock, logger: silentLogger, telemetry, clientName: 'test' };
  valkey = createValkey({ ...options, target: parseValkeyUrl(server.url) });
  await valkey.ready();
  operator = await start();
});

afterAll(async () => {
  await kubectl('delete', 'pf', '--all', '--namespace', HOME, '--timeout=60s');
  await operator.stop();
  await kubectl('delete', 'namespace', HOME, STRANGE, '--ignore-not-found', '--timeout=120s');
  await valkey.close();
  await server.stop();
  await resume();
});

describe('a feed', () => {
  const name = 'whole';

  afterAll(() => remove('pf', name, HOME));

  it('gets its children, owned by it, a finalizer and a document', async () => {
    await create(name, { assets: ['AAA', 'AAB'], replicas: 2 });
    await hasAllChildren(name);
    const { metadata } = await get<PriceFeed>('pf', name, HOME);
    expect(metadata.finalizers).toEqual(['weir.dev/cleanup']);
    for (const kind of CHILDREN) {
      const { metadata: of } = await child<Deployment>(kind, name);
      expect(of.ownerReferences, kind).toEqual([expect.objectContaining({ uid: metadata.uid, controller: true })]);
    }
    await eventually(async () => expect((await documentOf(name)).assets).toEqual(['AAA', 'AAB']));
    await whenIs(name, 'ValkeyConfigured', 'True/DocumentPublished');
  });

  it('says that its image cannot be fetched', async () => {
    const feed = await whenIs(name, 'Stalled', 'True/ImagePullError');
    expect(conditionOf(feed, 'Ready')).toMatchObject({ status: 'False', reason: 'ImagePullError' });
    expect(feed.status).toMatchObject({ observedGeneration: feed.metadata.generation, replicas: 2, readyReplicas: 0 });
  });

  it('is left alone by an operator that knows nothing yet, and finds all as it should be', async () => {
    await operator.stop();
    const before = await versions();
    operator = await start();
    await eventually(async () => expect(await operator.reconciles()).toBeGreaterThan(0));
    const reconciled = await operator.reconciles();
    // At least one resync of every feed.
    await eventually(async () => expect(await operator.reconciles()).toBeGreaterThan(reconciled + 1));
    expect(await operator.writes()).toBe(0);
    const after = await versions();
    const deployments = (each: object) => Object.entries(each).filter(([key]) => !key.startsWith('Deployment'));
    expect(deployments(after)).toEqual(deployments(before));
  });

  it.each(CHILDREN)('has its %s again when somebody deletes it', async (kind) => {
    const before = await child<KubeObject>(kind, name);
    await kubectl('delete', kind, `${name}-feed`, '--namespace', HOME, '--wait=false');
    await eventually(async () => {
      const { metadata } = await child<KubeObject>(kind, name);
      expect(metadata.uid).not.toBe(before.metadata.uid);
      expect(metadata.deletionTimestamp).toBeUndefined();
    }, 40_000);
  });

  it('has its Deployment as declared again when somebody edits it, takes its labels or its owner', async () => {
    await patch('deployment', `${name}-feed`, { spec: { replicas: 0 } }, HOME);
    await eventually(async () => expect((await child<Deployment>('deployment', name)).spec.replicas).toBe(2), 5_000);
    await patch('deployment', `${name}-feed`, { metadata: { labels: null, ownerReferences: null } }, HOME);
    await eventually(async () => {
      const { metadata } = await child<Deployment>('deployment', name);
      expect(metadata.labels).toMatchObject({ 'weir.dev/feed': name });
      expect(metadata.ownerReferences).toHaveLength(1);
    }, 5_000);
  });

  it('takes back from its Deployment what the spec no longer says, and repeats no write for an odd quantity', async () => {
    const workload = { nodeSelector: { disk: 'ssd' }, resources: { requests: { cpu: '0.05', memory: '0.1Gi' } } };
    await patch('pf', name, { spec: { workload } }, HOME);
    const nodeSelector = async () => (await child<Deployment>('deployment', name)).spec.template.spec.nodeSelector;
    await eventually(async () => expect(await nodeSelector()).toEqual({ disk: 'ssd' }));
    await patch('pf', name, { spec: { workload: { nodeSelector: null } } }, HOME);
    await eventually(async () => expect(await nodeSelector()).toBeUndefined());
    await whenIs(name, 'Stalled', 'True/ImagePullError');
    await comesToRest();
  });

  it('has its document again after FLUSHALL', async () => {
    await valkey.bulk.call('FLUSHALL');
    await eventually(async () => expect((await documentOf(name)).assets).toHaveLength(2), 3_000);
  });

  it('is scaled as any workload is', async () => {
    await kubectl('scale', `pf/${name}`, '--replicas=1', '--namespace', HOME);
    await eventually(async () => expect((await child<Deployment>('deployment', name)).spec.replicas).toBe(1));
    await eventually(async () => expect(await find('pdb', `${name}-feed`, HOME)).toBeUndefined());
    const scale = JSON.parse(
      await kubectl('get', '--raw', `/apis/weir.dev/v1alpha1/namespaces/${HOME}/pricefeeds/${name}/scale`),
    ) as { status: { selector: string } };
    const pods = await list<KubeObject>('pods', '--namespace', HOME, '--selector', scale.status.selector);
    expect(pods.length).toBeGreaterThan(0);
  });

  it('that is suspended has no pods, and its document says so', async () => {
    await patch('pf', name, { spec: { suspend: true } }, HOME);
    await whenIs(name, 'Suspended', 'True/Suspended');
    expect((await child<Deployment>('deployment', name)).spec.replicas).toBe(0);
    expect((await documentOf(name)).suspend).toBe(true);
    await patch('pf', name, { spec: { suspend: false } }, HOME);
    await whenIs(name, 'Suspended', 'False/NotSuspended');
    expect((await child<Deployment>('deployment', name)).spec.replicas).toBe(1);
  });

  it('with a fault that no schema finds keeps its last document and says what to change', async () => {
    const symbols = { AAA: 'X', AAB: 'X' };
    await patch('pf', name, { spec: { sources: [{ name: 'kraken', exchange: 'kraken', symbols }] } }, HOME);
    const feed = await whenIs(name, 'Stalled', 'True/InvalidSpec');
    expect(conditionOf(feed, 'Ready')?.message).toContain('give each asset a symbol of its own');
    expect((await documentOf(name)).sources).toHaveLength(2);
    await patch('pf', name, { spec: { sources: [{ name: 'kraken', exchange: 'kraken' }] } }, HOME);
    await eventually(async () => expect((await documentOf(name)).sources).toHaveLength(1));
  });

  it('says what the API server refuses of it', async () => {
    await patch('pf', name, { spec: { workload: { podLabels: { 'not valid': 'x' } } } }, HOME);
    const feed = await whenIs(name, 'Stalled', 'True/ApplyRejected');
    expect(conditionOf(feed, 'Ready')?.message).toContain('not valid');
    await patch('pf', name, { spec: { workload: { podLabels: null } } }, HOME);
    await whenIs(name, 'Stalled', 'True/ImagePullError');
  });
});

describe('an object that has the name of a child and belongs to somebody else', () => {
  const name = 'taken';

  it('is not touched, and the feed says so until it is gone', async () => {
    const data = { WEIR_FEED: 'mine' };
    await applyIn(HOME, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-feed` }, data });
    await create(name, { assets: ['BBA'] });
    await whenIs(name, 'Stalled', 'True/NameTaken');
    expect(await child('configmap', name)).toMatchObject({ data });
    await remove('configmap', `${name}-feed`, HOME);
    await whenIs(name, 'Stalled', 'True/ImagePullError');
    expect(await child('configmap', name)).toMatchObject({ data: { WEIR_FEED: `${HOME}/${name}` } });
    await remove('pf', name, HOME);
  });

  it.each([
    ['serviceaccount', { apiVersion: 'v1', kind: 'ServiceAccount' }],
    ['configmap', { apiVersion: 'v1', kind: 'ConfigMap', data: { other: 'mine' } }],
    ['secret', { apiVersion: 'v1', kind: 'Secret', stringData: { other: 'mine' } }],
  ])('is not taken over either when it clashes in nothing: a %s', async (kind, object) => {
    const feed = `${name}-${kind}`;
    await applyIn(HOME, { ...object, metadata: { name: `${feed}-feed` } });
    const { metadata } = await child<KubeObject>(kind, feed);
    await create(feed, { assets: ['BBA'] });
    await whenIs(feed, 'Stalled', 'True/NameTaken');
    expect((await child<KubeObject>(kind, feed)).metadata).toEqual(metadata);
    await remove('pf', feed, HOME);
    expect((await child<KubeObject>(kind, feed)).metadata).toEqual(metadata);
    await remove(kind, `${feed}-feed`, HOME);
  });
});

describe('a feed whose namespace is trusted no more', () => {
  const name = 'fallen';

  afterAll(() => remove('pf', name, HOME));

  it('keeps nothing that it was given, least of all the login of Valkey', async () => {
    await create(name, { assets: ['FFA'] });
    await hasAllChildrenButBudget(name);
    await operator.stop();
    operator = await start([STRANGE, HOME]);
    await whenIs(name, 'Stalled', 'True/NotAllowed');
    await eventually(async () => {
      const left = await Promise.all(CHILDREN.map((kind) => find<KubeObject>(kind, `${name}-feed`, HOME)));
      expect(left.map((object) => object?.kind).filter((kind) => kind !== undefined)).toEqual([]);
    });
    const finalizers = (await get<PriceFeed>('pf', name, HOME)).metadata.finalizers ?? [];
    expect(finalizers).not.toContain('weir.dev/cleanup');
    await operator.stop();
    operator = await start();
    await hasAllChildrenButBudget(name);
  });
});

describe('two feeds that name one pair', () => {
  afterAll(async () => {
    await remove('pf', 'old', HOME);
    await remove('pf', 'young', HOME);
    await remove('pf', 'shadow', HOME);
  });

  it('have it once: the younger says which it lost and to whom, and has it when the older goes', async () => {
    await create('old', { assets: ['CCA', 'CCB'] });
    await eventually(() => documentOf('old'));
    // Ages are told in seconds.
    const { metadata } = await get<PriceFeed>('pf', 'old', HOME);
    await eventually(async () =>
      expect(systemClock.nowMs()).toBeGreaterThan(Date.parse(metadata.creationTimestamp) + 1_500),
    );
    await create('young', { assets: ['CCB', 'CCC'] });
    await create('shadow', { assets: ['CCA'] });
    const young = await whenIs('young', 'Conflicted', 'True/PartlyConflicted');
    expect(conditionOf(young, 'Conflicted')?.message).toContain(`CCB in USD to PriceFeed ${HOME}/old`);
    expect(young.status?.assets).toMatchObject({ total: 1 });
    expect((await documentOf('young')).assets).toEqual(['CCC']);
    await whenIs('shadow', 'Ready', 'False/Conflicted');
    expect(Object.keys(await documents())).not.toContain(`${HOME}/shadow`);
    expect((await child<Deployment>('deployment', 'shadow')).spec.replicas).toBe(0);

    await remove('pf', 'old', HOME);
    await whenIs('young', 'Conflicted', 'False/NoConflict');
    expect((await documentOf('young')).assets).toEqual(['CCB', 'CCC']);
    await eventually(async () => expect((await documentOf('shadow')).assets).toEqual(['CCA']));
    await eventually(async () => {
      expect((await child<Deployment>('deployment', 'shadow')).spec.replicas).toBe(1);
    });
  });
});

describe('a feed in a namespace that is not trusted', () => {
  it('is not allowed to publish: no children, no document, no finalizer', async () => {
    await create('stranger', { assets: ['DDA'] }, STRANGE);
    const feed = await whenIs('stranger', 'Stalled', 'True/NotAllowed', STRANGE);
    expect(conditionOf(feed, 'Ready')?.message).toContain('WEIR_TRUSTED_NAMESPACES');
    expect(feed.metadata.finalizers).toBeUndefined();
    expect(await find('deployment', 'stranger-feed', STRANGE)).toBeUndefined();
    expect(Object.keys(await documents())).not.toContain(`${STRANGE}/stranger`);
    await remove('pf', 'stranger', STRANGE);
  });
});

describe('the end of a feed', () => {
  const names = { namespace: HOME, name: 'ending' };
  const { name } = names;
  const keys = ['EEA', 'EEB'].map((pair) => keyspace.price.key({ pair }));
  const status = keyspace.feedStatus.key(names);
  const lease = keyspace.feedLease.key(names);

  afterEach(() => remove('pf', name, HOME));

  const remains = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const kind of CHILDREN) if ((await find(kind, `${name}-feed`, HOME)) !== undefined) found.push(kind);
    for (const key of [...keys, status]) if ((await valkey.bulk.get(key)) !== null) found.push(key);
    if (Object.keys(await documents()).includes(`${HOME}/${name}`)) found.push('document');
    return found;
  };

  it('leaves nothing behind, but what another feed has taken over, and nothing comes back', async () => {
    await create(name, { assets: ['EEA', 'EEB'], replicas: 2 });
    await hasAllChildren(name);
    await create('heir', { assets: ['EEB'] });
    for (const key of [...keys, status]) await valkey.bulk.call('SET', key, '{}');
    await remove('pf', name, HOME);
    await eventually(async () => expect(await remains()).toEqual([keys[1]]));
    expect((await documentOf('heir')).assets).toEqual(['EEB']);
    await always(async () => expect(await remains()).toEqual([keys[1]]), 5_000);
    await remove('pf', 'heir', HOME);
    expect(await remains()).toEqual([]);
  });

  it('waits for a pod that may still publish, and no longer than that', async () => {
    await create(name, { assets: ['EEA'] });
    const [pod] = await eventually(async () => {
      const pods = await list<KubeObject>('pods', '--namespace', HOME, '--selector', `weir.dev/feed=${name}`);
      expect(pods).toHaveLength(1);
      return pods;
    });
    // As on a node that is lost: the pod goes on and nobody confirms its end.
    const finalizers = (list_: readonly string[] | null) =>
      patch('pod', pod?.metadata.name ?? '', { metadata: { finalizers: list_ } }, HOME);
    await finalizers(['weir.dev/test']);
    await valkey.bulk.call('SET', lease, 'pod', 'EX', 60);
    await kubectl('delete', 'pf', name, '--namespace', HOME, '--wait=false');
    await eventually(async () => expect(await find('deployment', `${name}-feed`, HOME)).toBeUndefined());
    await always(async () => expect((await documentOf(name)).assets).toEqual(['EEA']), 3_000);
    await valkey.bulk.call('DEL', lease);
    await eventually(async () => expect(await find('pf', name, HOME)).toBeUndefined(), 10_000);
    expect(Object.keys(await documents())).not.toContain(`${HOME}/${name}`);
    await finalizers(null);
  });

  it('without a clean-up, by somebody who took the finalizer away, takes the document all the same', async () => {
    await create(name, { assets: ['EEA'] });
    await eventually(() => documentOf(name));
    await operator.stop();
    await patch('pf', name, { metadata: { finalizers: null } }, HOME);
    await remove('pf', name, HOME);
    operator = await start();
    await eventually(async () => expect(Object.keys(await documents())).not.toContain(`${HOME}/${name}`));
  });
});
