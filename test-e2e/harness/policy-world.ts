/**
 * An operator for policies in the test's own process: on the cluster's API server, with a Valkey and a Postgres of its own
 * that can be cut off, in namespaces of its own, and with a wall clock that a test may set forward. Deciders are real
 * readers of documents behind pods that nobody runs: a test says whether they are ready.
 */
import { randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '@weir/clock';
import { keyMigrations } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestPostgres,
  startTestValkey,
  type Proxy,
} from '@weir/testing';
import { createValkey, parseValkeyUrl, watchDocuments, type Valkey } from '@weir/valkey';
import { CLUSTER_COUNTERS, encodeClusterStats, type ClusterCounters } from '@weir/wire';
import { inject } from 'vitest';
import { createApiKeyPolicyController } from '../../operator/src/api-key-policy/index.ts';
import { startOperator } from '../../operator/src/app.ts';
import { loadKubeConfig } from '../../operator/src/kube/index.ts';
import { apply, kubectl, tryKubectl } from './kubectl.ts';

export interface PolicyOperator {
  /** Calls to the API server that change something, but for those of the Lease and of events. */
  writes(): Promise<number>;
  scrape(): Promise<string>;
  stop(): Promise<void>;
}

export interface Decider {
  readonly pod: string;
  setReady(isReady: boolean): Promise<void>;
  /** It goes on reporting what it applied last. */
  pause(isPaused: boolean): void;
  stop(): Promise<void>;
}

export interface PolicyWorld {
  readonly trusted: string;
  readonly other: string;
  /** Past the proxies. */
  readonly valkey: Valkey;
  readonly postgres: Postgres;
  cutValkey(isCut: boolean): void;
  cutPostgres(isCut: boolean): void;
  /** For operators that are started from now on, and those that run. */
  setForward(ms: number): void;
  startOperator(): Promise<PolicyOperator>;
  startDecider(): Promise<Decider>;
  stop(): Promise<void>;
}

/** In another namespace than that of the installation. */
export async function applyIn(namespace: string, object: object): Promise<void> {
  const args = ['apply', '--server-side', '--namespace', namespace, '--filename', '-'];
  const { status, stderr } = await tryKubectl(args, JSON.stringify(object));
  if (status !== 0) throw new Error(`kubectl apply: ${stderr}`);
}

const shared = { logger: silentLogger, clock: systemClock };

export async function startPolicyWorld(): Promise<PolicyWorld> {
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  const databaseUrl = new URL(database.url);
  const valkeyProxy = await startProxy(server);
  const postgresProxy = await startProxy({ host: databaseUrl.hostname, port: Number(databaseUrl.port) });
  const telemetry = createTestTelemetry();
  const valkey = createValkey({ ...shared, telemetry, target: parseValkeyUrl(server.url), clientName: 'test' });
  const postgres = createPostgres({ ...shared, telemetry, url: database.url });
  await valkey.ready();
  await migrate(postgres, keyMigrations, silentLogger);
  const id = randomBytes(3).toString('hex');
  const [trusted, other] = [`akp-${id}`, `akp-${id}-b`];
  for (const name of [trusted, other]) await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const stops: (() => Promise<void>)[] = [];
  databaseUrl.port = String(postgresProxy.port);
  const connections = { valkeyUrl: `redis://127.0.0.1:${valkeyProxy.port}`, postgresUrl: databaseUrl.href };

  return {
    trusted,
    other,
    valkey,
    postgres,
    cutValkey: (isCut) => cut(valkeyProxy, isCut),
    cutPostgres: (isCut) => cut(postgresProxy, isCut),
    setForward: (ms) => void (aheadMs += ms),
    async startOperator() {
      const operator = await startOwn({ ...connections, namespaces: [trusted, other], clock });
      stops.push(() => operator.stop());
      return operator;
    },
    async startDecider() {
      const decider = await startDecider(valkey, trusted);
      stops.push(() => decider.stop());
      return decider;
    },
    async stop() {
      for (const stop of stops.toReversed()) await stop();
      for (const name of [trusted, other]) await removeNamespace(name);
      await Promise.all([valkey.close(), postgres.close()]);
      await Promise.all([valkeyProxy[Symbol.asyncDispose](), postgresProxy[Symbol.asyncDispose]()]);
      await Promise.all([server.stop(), database.stop()]);
    },
  };
}

function cut(proxy: Proxy, isCut: boolean): void {
  proxy.refuse(isCut);
  if (isCut) proxy.cut();
}

/** No operator runs any more that would let its policies go. */
async function removeNamespace(name: string): Promise<void> {
  const policies = (await kubectl('get', 'akp', '--namespace', name, '--output', 'name')).split('\n').filter(Boolean);
  const release = JSON.stringify({ metadata: { finalizers: null } });
  for (const policy of policies)
    await kubectl('patch', policy, '--namespace', name, '--type', 'merge', '--patch', release);
  await kubectl('delete', 'namespace', name, '--wait=false');
}

interface OwnOptions {
  readonly valkeyUrl: string;
  readonly postgresUrl: string;
  readonly namespaces: readonly [string, string];
  readonly clock: Clock;
}

async function startOwn({ valkeyUrl, postgresUrl, namespaces, clock }: OwnOptions): Promise<PolicyOperator> {
  const telemetry = createTestTelemetry();
  const parts = { clock, logger: silentLogger, telemetry };
  const valkey = createValkey({ ...parts, target: parseValkeyUrl(valkeyUrl), clientName: 'operator' });
  const postgres = createPostgres({ ...parts, url: postgresUrl });
  const [trusted] = namespaces;
  const stops: (() => void | Promise<void>)[] = [];
  const draining = new AbortController();
  startOperator({
    ...parts,
    valkey,
    postgres,
    kubeConfig: loadKubeConfig(inject('cluster').kubeconfig),
    lifecycle: {
      onStop: (_name, stop) => void stops.unshift(stop),
      timeLeftMs: () => 5_000,
      draining: draining.signal,
    },
    settings: {
      namespace: trusted,
      watchNamespaces: namespaces,
      trustedNamespaces: [trusted],
      feed: {
        image: 'weir.invalid/none:1',
        imagePullPolicy: 'IfNotPresent',
        imagePullSecrets: [],
        valkeyUrl: 'redis://valkey.invalid:6379',
        valkeyUsername: 'feed',
        hasNetworkPolicy: false,
      },
      venueAddresses: {},
      keyMode: 'test',
    },
    node: 'own-operator',
    version: '0.0.0',
    rate: { perSecond: 200, burst: 200 },
    controllers: [createApiKeyPolicyController],
    onLeadershipLost: () => undefined,
  });
  let isStopped = false;
  return {
    async writes() {
      const lines = (await telemetry.scrape())
        .split('\n')
        .filter((line) => line.startsWith('rest_client_requests_total{'));
      // The Lease alone is written by PUT at rest, and events by POST.
      const changing = lines.filter((line) => /method="(?:PATCH|DELETE)"/.test(line));
      return changing.reduce((total, line) => total + Number(line.split(' ')[1]), 0);
    },
    scrape: () => telemetry.scrape(),
    async stop() {
      if (isStopped) return;
      isStopped = true;
      draining.abort();
      for (const stop of stops) await stop();
      await Promise.all([valkey.close(), postgres.close()]);
    },
  };
}

async function startDecider(valkey: Valkey, namespace: string): Promise<Decider> {
  const pod = `decider-${randomBytes(3).toString('hex')}`;
  const labels = { 'weir.dev/decider': 'price' };
  const container = { name: 'none', image: 'weir.invalid/none:1' };
  // A scheduler that does not exist: nothing ever runs it.
  const spec = { schedulerName: 'nobody', containers: [container], terminationGracePeriodSeconds: 0 };
  await applyIn(namespace, { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, namespace, labels }, spec });
  let pausedSeq: number | undefined;
  const report = (): Promise<unknown> =>
    valkey.bulk.call('SET', keyspace.clusterStats.key({ node: pod }), statsOf(pod, pausedSeq ?? watch.seq), 'EX', 30);
  const reportNow = (): void => void report().catch(() => undefined);
  const watch = watchDocuments({
    ...shared,
    valkey,
    family: 'policies',
    parse: (json) => json,
    onChange: () => undefined,
    onSeq: reportNow,
  });
  const reporting = systemClock.setInterval(reportNow, 3_000);
  return {
    pod,
    async setReady(isReady) {
      const condition = { type: 'Ready', status: isReady ? 'True' : 'False' };
      const patch = JSON.stringify({ status: { conditions: [condition] } });
      await kubectl('patch', 'pod', pod, '--namespace', namespace, '--subresource', 'status', '--patch', patch);
    },
    pause(isPaused) {
      pausedSeq = isPaused ? watch.seq : undefined;
      if (!isPaused) reportNow();
    },
    async stop() {
      reporting.cancel();
      await watch.close();
      await kubectl('delete', 'pod', pod, '--namespace', namespace, '--ignore-not-found', '--wait=false');
    },
  };
}

function statsOf(node: string, seq: number): string {
  // `fromEntries` forgets the names that it was just given.
  const counters = Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, 0])) as ClusterCounters;
  const member = { node, role: 'price', start_id: 'test', uptime_seconds: 0, total_rps: 0 };
  return encodeClusterStats({ ...member, applied_policies_seq: seq, ...counters });
}
