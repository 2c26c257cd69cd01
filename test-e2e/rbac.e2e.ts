/** What the processes may do to the API server: nothing more than is written here. A new right is a change of this file. */
import { expect, it } from 'vitest';
import { namespace, release } from './harness/cluster.ts';
import { kubectl } from './harness/kubectl.ts';

const ALL = '[get list watch create patch delete]';

/** Everywhere. */
const OPERATOR = [
  `configmaps ${ALL}`,
  `deployments.apps ${ALL}`,
  `networkpolicies.networking.k8s.io ${ALL}`,
  `poddisruptionbudgets.policy ${ALL}`,
  `serviceaccounts ${ALL}`,
  'apikeypolicies.weir.dev [get list watch patch update]',
  'apikeypolicies.weir.dev/finalizers [update]',
  'apikeypolicies.weir.dev/status [patch]',
  'events.events.k8s.io [create patch]',
  'pods [list watch]',
  'pricefeeds.weir.dev [get list watch patch update]',
  'pricefeeds.weir.dev/finalizers [update]',
  'pricefeeds.weir.dev/status [patch]',
  // Neither listed nor watched: it never holds the Secrets of others.
  'secrets [get create patch update delete]',
];

const LEASES = ['leases.coordination.k8s.io [create]', 'leases.coordination.k8s.io (weir-operator) [get update]'];

/** Resources and verbs, as `kubectl auth can-i --list` has them; without what everybody may, who has an identity. */
async function rightsOf(serviceAccount: string, within: string): Promise<readonly string[]> {
  const as = `--as=system:serviceaccount:${namespace}:${serviceAccount}`;
  const rows = (await kubectl('auth', 'can-i', '--list', '--no-headers', as, '--namespace', within)).split('\n');
  return rows
    .flatMap((row) => {
      const [, resource, names, verbs] = /^(\S+)\s+\[\]\s+\[(.*?)\]\s+(\[.*\])$/.exec(row) ?? [];
      if (resource === undefined || resource.startsWith('self')) return [];
      return [`${resource} ${names === '' ? '' : `(${names ?? ''}) `}${verbs ?? ''}`];
    })
    .toSorted();
}

it('the operator may do in its own namespace what its work takes', async () => {
  expect(await rightsOf(`${release}-operator`, namespace)).toEqual([...OPERATOR, ...LEASES].toSorted());
});

it('the operator may do the same elsewhere, but for its Lease', async () => {
  expect(await rightsOf(`${release}-operator`, 'default')).toEqual(OPERATOR.toSorted());
});

it.each([`${release}-price`, `${release}-valkey`, 'majors-feed', 'default'])('%s may do nothing', async (account) => {
  expect(await rightsOf(account, namespace)).toEqual([]);
});

it('nothing but the operator is given a token', async () => {
  const mounts =
    'jsonpath={range .items[*]}{.metadata.name} {.spec.volumes[*].projected.sources[*].serviceAccountToken.path}{"\\n"}{end}';
  const rows = (await kubectl('get', 'pods', '--output', mounts)).trim().split('\n');
  const withToken = rows.filter((row) => row.trim().endsWith(' token')).map((row) => row.split(' ')[0] ?? '');
  expect(withToken.length).toBeGreaterThan(0);
  expect(withToken.filter((name) => !name.startsWith(`${release}-operator-`))).toEqual([]);
});
