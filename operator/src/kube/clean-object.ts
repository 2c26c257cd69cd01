/** The door through which every object comes in: the same shape, whether it was got, listed or watched. */
import { isRecord } from './is-record.ts';
import { KubeError } from './kube-error.ts';
import type { KubeObject, ResourceType } from './resource.ts';

/** Without managedFields, which are most of an object's size, and with kind and apiVersion, which items of lists lack. */
export function cleanObject(type: ResourceType, value: unknown): KubeObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) {
    throw new KubeError({
      kind: 'unavailable',
      message: `the API server answered with something else than a ${type.kind}`,
    });
  }
  delete value['metadata']['managedFields'];
  value['apiVersion'] ??= type.apiVersion;
  value['kind'] ??= type.kind;
  // The server holds every object against the schema of its kind, and nothing else is asked of it.
  return value as unknown as KubeObject;
}
