/** What a reflector asks for, answered by hand: lists, and streams that a test writes to. */
import type { KubeError } from '../../src/kube/kube-error.ts';
import type { KubeObject } from '../../src/kube/resource.ts';
import type { ApiRequest } from '../../src/kube/transport.ts';

export interface WatchStream {
  readonly query: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal | undefined;
  /** One event, as the server writes it. */
  send(type: string, object: unknown): void;
  /** Bytes as they are. */
  write(text: string): void;
  /** Ends in good order. */
  end(): void;
  /** The connection breaks. */
  cut(): void;
}

type Next = { readonly bytes: Uint8Array } | 'end' | 'cut';

export class ScriptedApi {
  readonly requests: string[] = [];
  /** Of watches. */
  readonly paths: string[] = [];
  readonly streams: WatchStream[] = [];
  /** Answers of lists, by the `continue` that asks for them. */
  lists: (query: Readonly<Record<string, unknown>>) => unknown = () => list([], '1');
  /** Of the next watch, in place of a stream. */
  refusals: KubeError[] = [];

  readonly send = async ({ query = {} }: ApiRequest): Promise<unknown> => {
    this.requests.push(`list ${String(query['continue'] ?? '')}`.trim());
    return this.lists(query);
  };

  readonly open = async ({ path, query = {}, signal }: ApiRequest): Promise<AsyncIterable<Uint8Array>> => {
    const from = query['sendInitialEvents'] === true ? 'everything' : String(query['resourceVersion']);
    this.requests.push(`watch from ${from}`);
    this.paths.push(path);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    return this.#stream(query, signal);
  };

  get last(): WatchStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('nothing is watched');
    return stream;
  }

  told(): string[] {
    return this.requests.splice(0);
  }

  #stream(query: Readonly<Record<string, unknown>>, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    const waiting: Next[] = [];
    let wake = (): void => {};
    const push = (next: Next): void => {
      waiting.push(next);
      wake();
    };
    signal?.addEventListener('abort', () => push('cut'));
    const write = (text: string): void => push({ bytes: new TextEncoder().encode(text) });
    this.streams.push({
      query,
      signal,
      write,
      send: (type, object) => write(`${JSON.stringify({ type, object })}\n`),
      end: () => push('end'),
      cut: () => push('cut'),
    });
    return (async function* read() {
      for (;;) {
        const next = waiting.shift();
        if (next === 'end') return;
        if (next === 'cut') throw new Error('terminated');
        if (next !== undefined) yield next.bytes;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    })();
  }
}

export const item = (name: string, version: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Item',
  metadata: { name, namespace: 'a', uid: name, resourceVersion: String(version) },
});

export const list = (items: readonly KubeObject[], resourceVersion: string, next = '') => ({
  kind: 'ItemList',
  metadata: { resourceVersion, ...(next !== '' && { continue: next }) },
  // As servers do: items of a list do not say what they are.
  items: items.map(({ metadata }) => ({ metadata: { ...metadata, managedFields: [{ manager: 'x' }] } })),
});

export const bookmark = (version: number, isInitialEnd = false) => ({
  kind: 'Item',
  apiVersion: 'v1',
  metadata: {
    resourceVersion: String(version),
    ...(isInitialEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
  },
});

export const status = (code: number, reason: string, message = reason) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  code,
  reason,
  message,
});
