/** An ApiKeyPolicy as the API server gives it, and a cache of such. */
import { createResourceReader, type ResourceReader } from '@weir/crds';
import { keyOf, type Cache, type KubeObject, type ObjectMeta } from '../../src/kube/index.ts';
import type { ApiKeyPolicy } from '../../src/api-key-policy/policy.ts';

let reader: ResourceReader | undefined;

/** With the defaults of the schema. */
export function samplePolicy(spec: object = {}, metadata: Partial<ObjectMeta> = {}): ApiKeyPolicy {
  reader ??= createResourceReader();
  const { name = 'pro', namespace = 'weir' } = metadata;
  const resource = { apiVersion: 'weir.dev/v1alpha1', kind: 'ApiKeyPolicy', metadata: { name, namespace }, spec };
  const { resources, faults } = reader.read(JSON.stringify(resource), 'sample.yaml');
  const [first] = resources;
  if (first?.resource.kind !== 'ApiKeyPolicy') throw new Error(JSON.stringify(faults));
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      uid: `uid-of-${namespace}-${name}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
      name,
      namespace,
    },
    spec: first.resource.spec,
    status: { observedGeneration: -1 },
  };
}

/** What a test puts into it, and tells nobody. */
export function cacheOf<T extends KubeObject>(...objects: readonly T[]): Cache<T> {
  return {
    synced: true,
    get: (key) => objects.find((each) => keyOf(each) === key),
    list: () => objects,
    byIndex: () => [],
    isBehind: () => false,
    onChange: () => () => undefined,
  };
}
