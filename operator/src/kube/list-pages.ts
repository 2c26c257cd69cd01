/** A complete list, page by page. */
import { cleanObject } from './clean-object.ts';
import { isRecord } from './is-record.ts';
import type { ListOptions } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import { resourcePath } from './resource-path.ts';
import type { ApiRequest } from './transport.ts';

export interface CompleteList<T extends KubeObject> {
  readonly objects: readonly T[];
  /** From which a watch goes on. */
  readonly resourceVersion: string;
}

const PAGE_SIZE = 500;

/** Rejects with KubeError `gone` when a page is asked for too late: begin anew. */
export async function listPages<T extends KubeObject>(
  type: ResourceType,
  options: ListOptions,
  send: (request: ApiRequest) => Promise<unknown>,
): Promise<CompleteList<T>> {
  const { namespace, labelSelector, fieldSelector, signal } = options;
  const path = resourcePath(type, { namespace });
  const objects: T[] = [];
  let next: string | undefined;
  for (;;) {
    const query = { limit: PAGE_SIZE, continue: next, labelSelector, fieldSelector };
    const page = readPage(type, await send({ method: 'GET', path, query, signal }));
    for (const item of page.items) objects.push(cleanObject(type, item) as T);
    if (page.next === '') return { objects, resourceVersion: page.resourceVersion };
    next = page.next;
  }
}

function readPage(
  type: ResourceType,
  answer: unknown,
): { readonly items: readonly unknown[]; readonly next: string; readonly resourceVersion: string } {
  if (isRecord(answer) && Array.isArray(answer['items']) && isRecord(answer['metadata'])) {
    const { continue: next, resourceVersion } = answer['metadata'];
    if (typeof resourceVersion === 'string') {
      return { items: answer['items'], next: typeof next === 'string' ? next : '', resourceVersion };
    }
  }
  throw new KubeError({
    kind: 'unavailable',
    message: `the API server answered with something else than ${type.plural}`,
  });
}
