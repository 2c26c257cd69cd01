/** Lets go of an object, whoever has put the finalizer there. */
import type { CallOptions, KubeClient } from './kube-client.ts';
import { isKubeError } from './kube-error.ts';
import { keyOf, nameOf, type KubeObject, type ResourceType } from './resource.ts';

export interface DropOptions extends CallOptions {
  readonly finalizer: string;
}

/** Others write the object too; after so many of them in a row the queue tries again. */
const ATTEMPTS = 5;

/**
 * Not by apply: what another manager owns too, such as whoever created the object from an export, stays when we stop
 * applying it. Nothing happens when the object, or its finalizer, is gone, or another object has its name. The finalizers
 * of others stay.
 */
export async function dropFinalizer(
  kube: Pick<KubeClient, 'get' | 'replace'>,
  type: ResourceType,
  object: KubeObject,
  { finalizer, ...options }: DropOptions,
): Promise<void> {
  const { uid } = object.metadata;
  for (let attempt = 1; ; attempt += 1) {
    const fresh = await kube.get(type, nameOf(keyOf(object)), options);
    if (fresh === undefined || fresh.metadata.uid !== uid) return;
    const before = fresh.metadata.finalizers ?? [];
    const finalizers = before.filter((each) => each !== finalizer);
    if (finalizers.length === before.length) return;
    try {
      // With the resource version that was read: what somebody else writes meanwhile is not overwritten.
      await kube.replace(type, { ...fresh, metadata: { ...fresh.metadata, finalizers } }, options);
      return;
    } catch (err) {
      if (isKubeError(err, 'notFound')) return;
      if (!isKubeError(err, 'conflict') || attempt === ATTEMPTS) throw err;
    }
  }
}
