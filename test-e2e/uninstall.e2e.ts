/** Uninstalling in the documented order leaves what docs/install.md lists, and nothing else. */
import { expect, it } from 'vitest';
import { namespace, release } from './harness/cluster.ts';
import { eventually } from './harness/eventually.ts';
import { helm } from './harness/helm.ts';
import { kubectl, list, tryKubectl, type KubeObject } from './harness/kubectl.ts';

/** Every kind of the cluster that can be listed; a new one is looked at without a change here. */
async function namesOf(isNamespaced: boolean): Promise<readonly string[]> {
  const kinds = (await kubectl('api-resources', '--verbs=list', `--namespaced=${isNamespaced}`, '--output', 'name'))
    .trim()
    .split('\n');
  const wanted = kinds.filter((kind) => !/^(?:events|bindings|componentstatuses)/.test(kind));
  const objects = await list<KubeObject>(wanted.join(','), '--ignore-not-found');
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

/** What Kubernetes puts into every namespace. */
const BORN = ['ConfigMap kube-root-ca.crt', 'ServiceAccount default'];
/** Of the table in docs/install.md: claims, and what belongs to them, are only there with persistence, which kind:up does without. */
const KEPT = ['Lease weir-operator'];
const DEFINITIONS = [
  'APIService v1alpha1.weir.dev',
  'CustomResourceDefinition apikeypolicies.weir.dev',
  'CustomResourceDefinition pricefeeds.weir.dev',
];

it('leaves the definitions and the Lease', async () => {
  await kubectl('delete', 'pricefeeds,apikeypolicies', '--all', '--all-namespaces', '--timeout=180s');
  const left = await list<KubeObject>(
    'secrets,deployments,pods',
    '--selector',
    'app.kubernetes.io/managed-by=weir-operator',
  );
  expect(left.filter(({ kind }) => kind !== 'Pod').map(({ metadata }) => metadata.name)).toEqual([]);
  await helm('uninstall', release, '--wait', '--timeout', '180s');
  await eventually(async () => {
    const found = (await namesOf(true)).filter((object) => !BORN.includes(object));
    expect(found.toSorted()).toEqual(KEPT.toSorted());
  }, 120_000);
  const ours = (await namesOf(false)).filter((object) => object.includes('weir'));
  // The node and what its name is part of are the cluster's.
  expect(ours.filter((object) => !object.endsWith('-control-plane')).toSorted()).toEqual(
    [...DEFINITIONS, `Namespace ${namespace}`].toSorted(),
  );
  expect((await tryKubectl(['get', 'pf,akp', '--all-namespaces', '--output', 'name'])).stdout).toBe('');
});
