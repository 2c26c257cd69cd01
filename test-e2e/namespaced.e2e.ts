/**
 * The operator with the Roles that its chart gives it for two namespaces, and no ClusterRole: it does its whole work there
 * without one refusal. It runs in the test's process, with a token of its service account, from a namespace of its own.
 */
import { randomBytes } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '@weir/clock';
import { keyMigrations } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createPostgres, migrate } from '@weir/postgres';
import { createTestTelemetry, silentLogger, startTestPostgres, startTestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownPostgres, render, type Manifest } from '../hack/test/rendered-charts.ts';
import { loadKubeConfig } from '../operator/src/kube/index.ts';
import { eventually } from './harness/eventually.ts';
import {
  apply,
  find,
  get,
  kubectl,
  list,
  patch,
  remove,
  type KubeObject,
  type WithConditions,
} from './harness/kubectl.ts';
import { pauseInstalledOperator, startOwnOperator, type OwnOperator } from './harness/own-operator.ts';
import { keySecretOf, policyWithKey, priceFeed } from './harness/resources.ts';
import { LEASE_RIGHTS, OPERATOR_RIGHTS, rightsOf } from './harness/rights.ts';

const id = randomBytes(3).toString('hex');
const [own, feeds, policies, outside] = [`ns-${id}-own`, `ns-${id}-feeds`, `ns-${id}-policies`, `ns-${id}-outside`];
const namespaces = [own, feeds, policies, outside];
const account = { name: 'weir-operator', namespace: own };
const name = 'e2e-namespaced';
const child = `${name}-feed`;
const CHILDREN = ['deployment', 'serviceaccount', 'configmap', 'secret', 'networkpolicy', 'poddisruptionbudget'];
const KINDS_OF_RIGHTS = ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'];

interface Lease extends KubeObject {
  readonly spec: { readonly holderIdentity?: string };
}

let valkey: Valkey;
let operator: OwnOperator;
let rights: readonly Manifest[];
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  ends.push(await pauseInstalledOperator());
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  ends.push(() => Promise.all([server.stop(), database.stop()]));
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  valkey = createValkey({ ...shared, target: parseValkeyUrl(server.url), clientName: 'test' });
  ends.push(() => valkey.close());
  const postgres = createPostgres({ ...shared, url: database.url });
  await migrate(postgres, keyMigrations, silentLogger);
  await postgres.close();
  await valkey.ready();

  ends.push(() => kubectl('delete', 'namespace', ...namespaces, '--ignore-not-found', '--wait=false'));
  await apply(...namespaces.map((one) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: one } })));
  rights = rightsInChart();
  await apply(...rights);
  const kubeConfig = await kubeConfigOfAccount();
  const watched = { namespaces: [feeds, policies], own };
  operator = await startOwnOperator({ ...watched, kubeConfig, valkeyUrl: server.url, postgresUrl: database.url });
  ends.push(() => operator.stop());
  // While it runs, since it is what lets them go.
  ends.push(() => kubectl('delete', 'pf,akp', '--all', '--namespace', policies, '--timeout=120s'));
  ends.push(() => kubectl('delete', 'pf,akp', '--all', '--namespace', feeds, '--timeout=120s'));
  ends.push(() => kubectl('delete', 'pf,akp', '--all', '--namespace', outside, '--timeout=120s'));
});

afterAll(async () => {
  const failures: unknown[] = [];
  for (const end of ends.toReversed()) await end().catch((err: unknown) => void failures.push(err));
  expect(failures).toEqual([]);
});

/** Of an installation in a namespace that it does not look after. */
function rightsInChart(): readonly Manifest[] {
  const manifests = render({
    namespace: own,
    values: {
      ...ownPostgres,
      crds: { enabled: false },
      operator: { watchNamespaces: [feeds, policies], rbac: { aggregate: false } },
    },
  });
  return manifests.filter(({ kind }) => KINDS_OF_RIGHTS.includes(kind));
}

/** The cluster as the tests know it, with the token that a pod of the operator would have. */
async function kubeConfigOfAccount(): Promise<KubeConfig> {
  const config = loadKubeConfig(inject('cluster').kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  const token = (await kubectl('create', 'token', account.name, '--namespace', own, '--duration', '1h')).trim();
  config.loadFromClusterAndUser(cluster, { name: account.name, token });
  return config;
}

const documentOf = (kind: 'feeds' | 'policies', namespace: string): Promise<unknown> =>
  valkey.bulk.call('HGET', keyspace[kind].key(), keyspace.documentField.key({ namespace, name }));

describe('the rights that the chart gives for two namespaces', () => {
  it('are Roles there and in its own, and nothing for the cluster', () => {
    expect(rights.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    const roles = rights.filter(({ kind }) => kind === 'Role').map(({ metadata }) => metadata.namespace ?? '');
    expect(roles.toSorted()).toEqual([feeds, own, policies].toSorted());
  });

  it.each([feeds, policies])('are in %s what its work takes', async (namespace) => {
    expect(await rightsOf(account, namespace)).toEqual(OPERATOR_RIGHTS.toSorted());
  });

  it('are in its own its Lease, and to see who decides about keys', async () => {
    expect(await rightsOf(account, own)).toEqual([...LEASE_RIGHTS, 'pods [list watch]'].toSorted());
  });

  it.each([outside, 'default', 'kube-system'])('are none in %s', async (namespace) => {
    expect(await rightsOf(account, namespace)).toEqual([]);
  });
});

describe('an operator with no other rights', () => {
  afterEach(async () => expect(await operator.refusals()).toBe(0));

  it('has all its watches, and leads by the Lease in its own namespace', async () => {
    await eventually(async () => {
      expect(operator.readiness()).toBe(true);
      const lease = await get<Lease>('lease', 'weir-operator', own);
      expect(lease.spec.holderIdentity).toMatch(/^own-operator_/);
    });
    const leases = await list<KubeObject>('lease', '--all-namespaces');
    const among = leases.filter(({ metadata }) => namespaces.includes(metadata.namespace ?? ''));
    expect(among.map(({ metadata }) => metadata.namespace)).toEqual([own]);
  });

  it('gives a feed its children, its document and its status, and leaves alone what is outside', async () => {
    const spec = { assets: ['SOL'], quote: 'EUR', replicas: 2 };
    await apply(
      priceFeed({ name, namespace: outside }, spec),
      policyWithKey({ name, namespace: outside }, { requestsPerSecond: 1, burst: 1 }),
      priceFeed({ name, namespace: feeds }, spec),
    );
    await eventually(async () => {
      for (const kind of CHILDREN) expect(await find(kind, child, feeds), kind).toBeDefined();
      expect(await documentOf('feeds', feeds)).not.toBeNull();
      const { metadata, status } = await get<WithConditions>('pf', name, feeds);
      expect(metadata.finalizers).toEqual(['weir.dev/cleanup']);
      expect(status?.observedGeneration).toBe(metadata.generation);
    });
    await expectUntouched();
  });

  it('puts a child right, and takes away one that is asked for no more', async () => {
    const before = await get<KubeObject>('configmap', child, feeds);
    await remove('configmap', child, feeds);
    await patch('pf', name, { spec: { replicas: 1 } }, feeds);
    await eventually(async () => {
      expect((await get<KubeObject>('configmap', child, feeds)).metadata.uid).not.toBe(before.metadata.uid);
      expect(await find('poddisruptionbudget', child, feeds)).toBeUndefined();
    });
  });

  it('gives a policy its key, its document and its status, and leaves alone what is outside', async () => {
    await apply(policyWithKey({ name, namespace: policies }, { requestsPerSecond: 1, burst: 1 }));
    await eventually(async () => {
      expect(await find('secret', keySecretOf(name), policies)).toBeDefined();
      expect(await documentOf('policies', policies)).not.toBeNull();
      const { metadata, status } = await get<WithConditions>('akp', name, policies);
      expect(metadata.finalizers).toEqual(['weir.dev/cleanup']);
      expect(status?.observedGeneration).toBe(metadata.generation);
    });
    await expectUntouched();
  });

  it('tells what it did in events', async () => {
    await eventually(async () => {
      for (const namespace of [feeds, policies]) {
        const events = await list<KubeObject & { readonly reportingController: string }>(
          'events.events.k8s.io',
          '--namespace',
          namespace,
        );
        const told = events.filter(({ reportingController }) => reportingController === 'weir.dev/operator');
        expect(told.length, namespace).toBeGreaterThan(0);
      }
    });
  });

  it('lets a feed and a policy go, with what it had published', async () => {
    await remove('pf', name, feeds);
    await remove('akp', name, policies);
    expect(await documentOf('feeds', feeds)).toBeNull();
    expect(await documentOf('policies', policies)).toBeNull();
    await expectUntouched();
  });
});

async function expectUntouched(): Promise<void> {
  for (const kind of ['pf', 'akp']) {
    const { metadata, status } = await get<WithConditions>(kind, name, outside);
    expect(metadata.finalizers).toBeUndefined();
    expect(status?.conditions).toBeUndefined();
  }
  for (const kind of CHILDREN) expect(await find(kind, child, outside), kind).toBeUndefined();
  expect(await find('secret', keySecretOf(name), outside)).toBeUndefined();
  expect(await documentOf('feeds', outside)).toBeNull();
  expect(await documentOf('policies', outside)).toBeNull();
}
