/** Keeps a store equal to what the server has: lists, watches, and begins again whenever that breaks. */
import { sleep, type Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import { Backoff } from './backoff.ts';
import { isKubeError } from './kube-error.ts';
import { listPages } from './list-pages.ts';
import { keyOf, type KubeObject, type ResourceType } from './resource.ts';
import type { Store } from './store.ts';
import type { ApiRequest } from './transport.ts';
import { watchEvents, type WatchEvent } from './watch-events.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly type: ResourceType;
  /** `''`: all. */
  readonly namespace: string;
  readonly labelSelector: string | undefined;
  readonly store: Store<T>;
  readonly send: (request: ApiRequest) => Promise<unknown>;
  readonly open: (request: ApiRequest) => Promise<AsyncIterable<Uint8Array>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly onStart?: (how: 'stream' | 'list' | 'watch') => void;
  readonly idleMs?: number;
}

const BACKOFF = { baseMs: 800, maxMs: 30_000 };
/** A watch that lived this long shows that all is well again. */
const HEALTHY_AFTER_MS = 60_000;
/** The server ends a watch after a random time between these, so that not all of them come back at once. */
const TIMEOUT_SECONDS = { min: 300, max: 600 };
/** Bookmarks come every 60 s. */
const IDLE_MS = 90_000;
/** A stream that ends sooner than this without a word is not one to open again at once. */
const SHORT_MS = 1_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  /** Of the last event or list; absent: everything is to be read anew. */
  #resourceVersion: string | undefined;
  #fault: string | undefined;
  /** The stream of everything there is has failed. */
  #wantsList = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
    this.#done = this.#run();
  }

  /** Why nothing comes at present. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Final. Resolves when nothing more can come. */
  stop(): Promise<void> {
    this.#stop.abort(new Error('the watch was stopped'));
    return this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const delayMs = await this.#attempt();
      await sleep(this.#options.clock, delayMs, signal).catch(() => {
        // Stopped.
      });
    }
  }

  /** One watch from its begin to its end; answers how long to wait for the next. */
  async #attempt(): Promise<number> {
    const { clock, logger, type, namespace } = this.#options;
    const startedMs = clock.monotonicMs();
    const livedMs = (): number => clock.monotonicMs() - startedMs;
    try {
      await this.#follow();
      if (livedMs() >= HEALTHY_AFTER_MS) this.#backoff.reset();
      // Ended in good order: on from the last version at once.
      return livedMs() < SHORT_MS ? this.#backoff.nextMs() : 0;
    } catch (err) {
      if (this.#stop.signal.aborted) return 0;
      if (livedMs() >= HEALTHY_AFTER_MS) this.#backoff.reset();
      const delayMs = Math.round(this.#delayAfter(err));
      this.#fault = err instanceof Error ? err.message : String(err);
      logger.warn({ err, kind: type.kind, namespace, delayMs }, 'a watch broke and comes back');
      return delayMs;
    }
  }

  #delayAfter(err: unknown): number {
    const delayMs = this.#backoff.nextMs();
    if (isKubeError(err, 'gone')) {
      // What was missed while away cannot be watched any more: read everything anew, the first time without waiting.
      const wasKnown = this.#resourceVersion !== undefined;
      this.#resourceVersion = undefined;
      return wasKnown ? 0 : delayMs;
    }
    return Math.max(delayMs, isKubeError(err) ? (err.retryAfterMs ?? 0) : 0);
  }

  async #follow(): Promise<void> {
    if (this.#resourceVersion === undefined && this.#wantsList) await this.#list();
    try {
      await this.#watch();
    } finally {
      // An older server, one whose storage is, one that is in trouble: all of them have lists.
      this.#wantsList = this.#resourceVersion === undefined;
    }
  }

  async #list(): Promise<void> {
    const { type, namespace, labelSelector, store, send, onStart } = this.#options;
    onStart?.('list');
    const where = { namespace, signal: this.#stop.signal, ...(labelSelector !== undefined && { labelSelector }) };
    const { objects, resourceVersion } = await listPages<T>(type, where, send);
    if (this.#stop.signal.aborted) return;
    store.replace(namespace, objects);
    this.#resourceVersion = resourceVersion;
  }

  async #watch(): Promise<void> {
    const { type, namespace, labelSelector, open, clock, random, onStart, idleMs = IDLE_MS } = this.#options;
    const { min, max } = TIMEOUT_SECONDS;
    const resourceVersion = this.#resourceVersion;
    const request = {
      type,
      namespace,
      labelSelector,
      resourceVersion,
      timeoutSeconds: Math.round(min + random() * (max - min)),
      signal: this.#stop.signal,
    };
    onStart?.(resourceVersion === undefined ? 'stream' : 'watch');
    const initial: T[] = [];
    for await (const event of watchEvents<T>(request, { open, clock, idleMs })) {
      if (this.#stop.signal.aborted) return;
      this.#take(event, initial);
    }
  }

  #take(event: WatchEvent<T>, initial: T[]): void {
    const { store, namespace } = this.#options;
    this.#fault = undefined;
    if (this.#resourceVersion === undefined) {
      // The stream of what there is: only its end makes it a complete list.
      if (event.type === 'put') initial.push(event.object);
      if (event.type !== 'bookmark' || !event.isInitialEnd) return;
      store.replace(namespace, initial.splice(0));
    } else if (event.type === 'put') store.put(event.object);
    else if (event.type === 'removed') store.remove(keyOf(event.object));
    if (event.resourceVersion !== '') this.#resourceVersion = event.resourceVersion;
  }
}
