/** The end of a feed while Valkey is away or a pod does not go, which no cluster can be asked to wait for. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestValkey,
  waitFor,
  type FakeClock,
  type Proxy,
  type TestValkey,
} from '@weir/testing';
import { createValkey, type Valkey } from '@weir/valkey';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDocumentKeeper } from '../../src/documents/index.ts';
import { isKubeError, KubeError, type KubeClient, type KubeObject, type ObjectEvent } from '../../src/kube/index.ts';
import { Store } from '../../src/kube/store.ts';
import { createFeedCleaner, type FeedCleaner, type FeedRemains } from '../../src/price-feed/clean-up.ts';
import { createFeedCatalogue } from '../../src/price-feed/feed-catalogue.ts';
import type { PriceFeed } from '../../src/price-feed/price-feed.ts';
import { sampleFeed } from './sample-feed.ts';

let server: TestValkey;
let proxy: Proxy;
let valkey: Valkey;
let other: Valkey;

const connect = (port: number): Valkey =>
  createValkey({
    target: { kind: 'standalone', host: '127.0.0.1', port },
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: { decideMs: 5_000, bulkMs: 2_000 },
  });

beforeAll(async () => {
  server = await startTestValkey();
  proxy = await startProxy({ port: server.port });
  valkey = connect(proxy.port);
  other = connect(server.port);
  await Promise.all([valkey.ready(), other.ready()]);
});

afterAll(async () => {
  await Promise.all([valkey.close(), other.close()]);
  await proxy.stop();
  await server.stop();
});

beforeEach(() => other.bulk.call('FLUSHALL'));

const deleting: PriceFeed = {
  ...sampleFeed(),
  metadata: {
    ...sampleFeed().metadata,
    generation: 2,
    deletionTimestamp: '2026-01-01T01:00:00Z',
    finalizers: ['weir.dev/cleanup', 'else.where/hold'],
  },
};
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'majors-feed-1', namespace: 'weir' } };
const NOTHING: FeedRemains = { deployment: undefined, pods: [] };

interface Scene {
  readonly clock: FakeClock;
  readonly cleaner: FeedCleaner;
  readonly events: ObjectEvent[];
  readonly replaced: KubeObject[];
  isLeader: boolean;
  /** Whether the finalizer has been dropped after one more look. */
  look(remains?: FeedRemains): Promise<boolean>;
}

/** An API server that has the feed alone, and takes notes; what it is really like is the business of test-e2e. */
function apiServer(replaced: KubeObject[]): KubeClient {
  const refuse = (): Promise<never> => Promise.reject(new KubeError({ kind: 'rejected', message: 'not expected' }));
  // The feed is the only object that is asked for.
  const get = (): Promise<never> => Promise.resolve(deleting as never);
  const replace: KubeClient['replace'] = (_type, object) => {
    replaced.push(object);
    return Promise.resolve(object);
  };
  return { get, replace, list: refuse, create: refuse, apply: refuse, applyStatus: refuse, delete: refuse };
}

function createScene(): Scene {
  const clock = createFakeClock();
  const feeds = new Store<PriceFeed>({ clock, logger: silentLogger, scopes: [''] });
  feeds.replace('', [deleting]);
  const catalogue = createFeedCatalogue({ feeds, trustedNamespaces: ['weir'], venueAddresses: {} });
  const events: ObjectEvent[] = [];
  const replaced: KubeObject[] = [];
  const scene = { isLeader: true };
  const fence = {
    get isLeader() {
      return scene.isLeader;
    },
    check() {
      if (!scene.isLeader) throw new KubeError({ kind: 'fenced', message: 'not the leader' });
    },
  };
  const shared = { client: valkey.bulk, clock, logger: silentLogger, fence };
  const keeper = createDocumentKeeper({ ...shared, family: 'feeds', wanted: () => catalogue.documents() });
  const cleaner = createFeedCleaner({
    ...shared,
    kube: apiServer(replaced),
    keeper,
    catalogue,
    events: { record: (event) => void events.push(event) },
    onGivenUp: () => undefined,
  });
  const look = async (remains = NOTHING): Promise<boolean> => {
    const { requeueAfterMs } = await cleaner.cleanUp(deleting, remains, new AbortController().signal);
    return requeueAfterMs === undefined;
  };
  return Object.assign(scene, { clock, cleaner, events, replaced, look });
}

const finalizersLeft = ({ replaced }: Scene) => replaced.map(({ metadata }) => metadata.finalizers);

test('data goes before the finalizer, and the finalizers of others stay', async () => {
  const scene = createScene();
  const keys = [keyspace.price.key({ pair: 'BTC' }), keyspace.feedStatus.key({ namespace: 'weir', name: 'majors' })];
  for (const key of keys) await other.bulk.call('SET', key, '{}');
  await other.bulk.call('HSET', keyspace.feeds.key(), 'weir/majors', '{}', '#seq', 5);
  expect(await scene.look()).toBe(true);
  expect(await Promise.all(keys.map((key) => other.bulk.get(key)))).toEqual([null, null]);
  expect(Object.keys(await other.bulk.hgetall(keyspace.feeds.key()))).toEqual(['#seq']);
  expect(finalizersLeft(scene)).toEqual([['else.where/hold']]);
});

test('while Valkey is away the feed waits, for two minutes and no longer, and says that it gave up', async () => {
  const scene = createScene();
  proxy.refuse(true);
  proxy.cut();
  try {
    expect(await scene.look()).toBe(false);
    await scene.clock.advance(119_000);
    expect(await scene.look()).toBe(false);
    expect(scene.replaced).toEqual([]);
    await scene.clock.advance(1_000);
    expect(await scene.look()).toBe(true);
    expect(scene.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning CleanupGivenUp']);
    expect(finalizersLeft(scene)).toEqual([['else.where/hold']]);
  } finally {
    proxy.refuse(false);
  }
});

test('a pod that does not go holds it up as long as the lease is held, and two minutes at most', async () => {
  await waitFor(() => valkey.bulk.call('PING'));
  const lease = keyspace.feedLease.key({ namespace: 'weir', name: 'majors' });
  const scene = createScene();
  await other.bulk.call('SET', lease, 'pod');
  expect(await scene.look({ deployment: undefined, pods: [pod] })).toBe(false);
  await scene.clock.advance(60_000);
  expect(await scene.look({ deployment: undefined, pods: [pod] })).toBe(false);
  await scene.clock.advance(60_000);
  expect(await scene.look({ deployment: undefined, pods: [pod] })).toBe(true);
});

test('who does not lead any more removes nothing', async () => {
  const scene = createScene();
  await other.bulk.call('SET', keyspace.price.key({ pair: 'BTC' }), '{}');
  scene.isLeader = false;
  const error: unknown = await scene.look().catch((err: unknown) => err);
  expect(isKubeError(error, 'fenced')).toBe(true);
  expect(await other.bulk.get(keyspace.price.key({ pair: 'BTC' }))).toBe('{}');
});
