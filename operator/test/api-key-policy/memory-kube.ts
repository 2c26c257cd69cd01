/** An API server of Secrets alone, in memory, that a test can make refuse. */
import { KubeError, type KubeClient, type KubeErrorKind, type KubeObject } from '../../src/kube/index.ts';
import type { Secret } from '../../src/api-key-policy/policy.ts';

export interface MemoryKube extends KubeClient {
  readonly secrets: Map<string, Secret>;
  /** `create acme-key` and the like, in their order. */
  readonly writes: string[];
  /** What happens before the next write: a refusal, or something that somebody else does meanwhile. */
  beforeWrite: ((secret: Secret) => void) | undefined;
}

export function refuse(kind: KubeErrorKind): never {
  throw new KubeError({ kind, message: `${kind}, says the server` });
}

export function createMemoryKube(): MemoryKube {
  const secrets = new Map<string, Secret>();
  let version = 0;
  const stored = <T extends KubeObject>(object: T): T => {
    version += 1;
    const kept = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    secrets.set(object.metadata.name, kept);
    return kept;
  };
  const kube: MemoryKube = {
    secrets,
    writes: [],
    beforeWrite: undefined,
    // It holds Secrets and nothing else.
    get: <T>(_type: unknown, { name }: { readonly name: string }) =>
      Promise.resolve(secrets.get(name) as T | undefined),
    async create(_type, object) {
      await announce('create', object);
      return secrets.has(object.metadata.name) ? refuse('exists') : stored(object);
    },
    async replace(_type, object) {
      await announce('replace', object);
      const { name, resourceVersion } = object.metadata;
      return secrets.get(name)?.metadata.resourceVersion === resourceVersion ? stored(object) : refuse('conflict');
    },
    list: () => Promise.reject(new Error('Secrets are never listed')),
    apply: () => Promise.reject(new Error('Secrets are never applied')),
    applyStatus: () => Promise.reject(new Error('Secrets have no status')),
    delete: () => Promise.reject(new Error('Secrets are never deleted')),
  };
  const announce = (verb: string, object: KubeObject): Promise<void> => {
    kube.writes.push(`${verb} ${object.metadata.name}`);
    const before = kube.beforeWrite;
    kube.beforeWrite = undefined;
    return Promise.resolve(before?.(object));
  };
  return kube;
}
