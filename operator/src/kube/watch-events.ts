/** One watch request: its events, until the server ends it, it falls silent, or it is aborted. */
import type { Clock } from '@weir/clock';
import { cleanObject } from './clean-object.ts';
import { isRecord } from './is-record.ts';
import { KubeError } from './kube-error.ts';
import { readLines } from './read-lines.ts';
import { readStatusObject } from './read-status.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import { resourcePath } from './resource-path.ts';
import type { ApiRequest } from './transport.ts';

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'put' | 'removed'; readonly object: T; readonly resourceVersion: string }
  /** Nothing changed up to this version; with `isInitialEnd`, everything there is has been sent. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string; readonly isInitialEnd: boolean };

export interface WatchRequest {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly labelSelector: string | undefined;
  /** Absent: everything there is is sent first, as a stream. */
  readonly resourceVersion: string | undefined;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

export interface WatchTools {
  readonly open: (request: ApiRequest) => Promise<AsyncIterable<Uint8Array>>;
  readonly clock: Clock;
  /** Bookmarks come every minute: a stream that sends nothing for longer is dead. */
  readonly idleMs: number;
}

/** Ends when the server ends the stream in good order; throws a KubeError in every other case. */
export async function* watchEvents<T extends KubeObject>(
  request: WatchRequest,
  tools: WatchTools,
): AsyncGenerator<WatchEvent<T>> {
  const idle = startIdleTimer(tools, request.signal);
  try {
    const stream = await tools.open(apiRequest(request, idle.signal));
    for await (const line of readLines(idle.watch(stream))) yield readEvent<T>(request.type, line);
  } catch (err) {
    if (request.signal.aborted) throw new KubeError({ kind: 'aborted', message: 'the watch was given up', cause: err });
    if (idle.isPassed) throw new KubeError({ kind: 'timeout', message: 'the watch fell silent', cause: err });
    if (err instanceof KubeError) throw err;
    const reason = err instanceof Error ? err.message : String(err);
    throw new KubeError({ kind: 'unavailable', message: `the watch broke: ${reason}`, cause: err });
  } finally {
    // Also ends the request when the reader leaves early.
    idle.end();
  }
}

function apiRequest(request: WatchRequest, signal: AbortSignal): ApiRequest {
  const { type, namespace, labelSelector, resourceVersion, timeoutSeconds } = request;
  const from =
    resourceVersion === undefined
      ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      : { resourceVersion };
  const query = { watch: true, allowWatchBookmarks: true, timeoutSeconds, labelSelector, ...from };
  return { method: 'GET', path: resourcePath(type, { namespace }), query, signal };
}

function readEvent<T extends KubeObject>(resource: ResourceType, line: string): WatchEvent<T> {
  const event: unknown = JSON.parse(line);
  if (!isRecord(event)) throw new KubeError({ kind: 'unavailable', message: 'a watch event is no object' });
  if (event['type'] === 'ERROR') throw readStatusObject(event['object']);
  const object = cleanObject(resource, event['object']) as T;
  const { resourceVersion = '', annotations } = object.metadata;
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'put', object, resourceVersion };
    case 'DELETED':
      return { type: 'removed', object, resourceVersion };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion, isInitialEnd: annotations?.[INITIAL_END] === 'true' };
    default:
      throw new KubeError({
        kind: 'unavailable',
        message: `a watch event of the unknown type ${String(event['type'])}`,
      });
  }
}

const INITIAL_END = 'k8s.io/initial-events-end';

interface IdleTimer {
  readonly signal: AbortSignal;
  readonly isPassed: boolean;
  watch(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
  end(): void;
}

function startIdleTimer({ clock, idleMs }: WatchTools, signal: AbortSignal): IdleTimer {
  const controller = new AbortController();
  let isPassed = false;
  const pass = (): void => {
    isPassed = true;
    controller.abort(new Error(`nothing came for ${idleMs} ms`));
  };
  let timer = clock.setTimeout(pass, idleMs);
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    get isPassed() {
      return isPassed;
    },
    async *watch(stream) {
      for await (const chunk of stream) {
        timer.cancel();
        timer = clock.setTimeout(pass, idleMs);
        yield chunk;
      }
    },
    end() {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      controller.abort(new Error('the watch has ended'));
    },
  };
}
