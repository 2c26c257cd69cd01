/** The rights of service accounts: those that the operator is to have, and those that the API server gives. */
import { namespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import type { Named } from './resources.ts';

const ALL = '[get list watch create patch delete]';

/** In every namespace that it looks after. */
export const OPERATOR_RIGHTS = [
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

/** In its own namespace besides. */
export const LEASE_RIGHTS = [
  'leases.coordination.k8s.io [create]',
  'leases.coordination.k8s.io (weir-operator) [get update]',
];

/** Resources and verbs, as `kubectl auth can-i --list` has them; without what everybody may, who has an identity. */
export async function rightsOf(account: Named, within: string): Promise<readonly string[]> {
  const as = `--as=system:serviceaccount:${account.namespace ?? namespace}:${account.name}`;
  const rows = (await kubectl('auth', 'can-i', '--list', '--no-headers', as, '--namespace', within)).split('\n');
  return rows
    .flatMap((row) => {
      const [, resource, names, verbs] = /^(\S+)\s+\[\]\s+\[(.*?)\]\s+(\[.*\])$/.exec(row) ?? [];
      if (resource === undefined || resource.startsWith('self')) return [];
      return [`${resource} ${names === '' ? '' : `(${names ?? ''}) `}${verbs ?? ''}`];
    })
    .toSorted();
}
