/** Drives one kind: takes keys from its queue, reconciles them, and decides when each is looked at again. */
import type { Clock, Timer } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { CacheChange } from './cache.ts';
import type { ControllerDefinition, Enqueue } from './controller-definition.ts';
import { createControllerMetrics, type ControllerMetrics } from './controller-metrics.ts';
import { isKubeError } from './kube-error.ts';
import type { ReconcileResult } from './reconciler.ts';
import { keyOf, type KubeObject, type ObjectKey } from './resource.ts';
import { RetryPlan } from './retry-plan.ts';
import { TokenBucket } from './token-bucket.ts';
import { WorkQueue } from './work-queue.ts';

export interface ControllerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
}

const DEFAULT_CONCURRENCY = 5;
const DEFAULT_TIMEOUT_MS = 60_000;
/** Repeats of failed work, over all keys together. */
const RETRIES = { perSecond: 10, burst: 100 };
/** Until the watch has delivered what this process has just written. */
const BEHIND_MS = 20;
/** Beyond its timeout. */
const HANGS_AFTER_MS = 60_000;
/** Share by which the time between two resyncs differs, so that several controllers do not fall into step. */
const RESYNC_JITTER = 0.1;

export class Controller {
  readonly #definition: ControllerDefinition;
  readonly #options: ControllerOptions;
  readonly #logger: Logger;
  readonly #metrics: ControllerMetrics;
  readonly #queue: WorkQueue<ObjectKey>;
  readonly #retries: RetryPlan;
  readonly #ends: (() => void)[] = [];
  readonly #stop = new AbortController();
  #workers: Promise<unknown> | undefined;
  #resync: Timer | undefined;

  /** Notes changes from now on, and works on them from `start` on. */
  constructor(definition: ControllerDefinition, options: ControllerOptions) {
    const { clock, random, telemetry } = options;
    this.#definition = definition;
    this.#options = options;
    this.#logger = options.logger.child({ controller: definition.name });
    this.#metrics = createControllerMetrics(telemetry, definition.name, this.#concurrency);
    this.#queue = new WorkQueue(clock, this.#metrics);
    this.#metrics.observe(this.#queue);
    this.#retries = new RetryPlan({ random, bucket: new TokenBucket({ ...RETRIES, clock }) });
    this.#ends.push(definition.primary.onChange((change) => this.#noteChange(change)));
    for (const source of definition.sources ?? []) this.#ends.push(source.subscribe(this.#enqueue));
  }

  get name(): string {
    return this.#definition.name;
  }

  /** For people who look at the process. */
  get counts(): { readonly waiting: number; readonly working: number; readonly delayed: number } {
    const { length: waiting, working, delayed } = this.#queue;
    return { waiting, working, delayed };
  }

  /** Whether everything it looks at has been read once. */
  get synced(): boolean {
    const { primary, sources = [] } = this.#definition;
    return primary.synced && sources.every((source) => source.synced);
  }

  /** A reconcile that does not end although its time is up keeps its object from everybody, until a restart. */
  get fault(): string | undefined {
    const { name, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#definition;
    const longestMs = Math.max(0, ...this.#queue.workingTimes());
    if (longestMs < timeoutMs + HANGS_AFTER_MS) return undefined;
    return `A reconcile of ${name} has not ended for ${Math.round(longestMs / 1e3)} s.`;
  }

  /** Once everything is synced. */
  start(): void {
    this.#workers ??= Promise.all(Array.from({ length: this.#concurrency }, () => this.#work()));
    this.#planResync();
  }

  /** Takes nothing new; resolves when what is under way has ended. `abort` ends that early. */
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    this.#resync?.cancel();
    this.#queue.close();
    await this.#workers;
  }

  /** What is under way is told to end; nothing new begins. */
  abort(reason: Error): void {
    this.#stop.abort(reason);
    void this.stop();
  }

  get #concurrency(): number {
    return this.#definition.concurrency ?? DEFAULT_CONCURRENCY;
  }

  readonly #enqueue: Enqueue = (key, options = {}) => {
    if (options.resetsBackoff === true) this.#retries.forget(key);
    this.#queue.add(key, options);
  };

  #noteChange({ key, before, after, isFromList }: CacheChange<KubeObject>): void {
    const isNewGeneration = before?.metadata.generation !== after?.metadata.generation;
    this.#enqueue(key, { isLowPriority: isFromList, resetsBackoff: isNewGeneration });
  }

  #planResync(): void {
    const { resyncMs, primary } = this.#definition;
    if (resyncMs === undefined || this.#stop.signal.aborted) return;
    const { clock, random } = this.#options;
    this.#resync = clock.setTimeout(
      () => {
        for (const object of primary.list()) this.#queue.add(keyOf(object), { isLowPriority: true });
        this.#planResync();
      },
      resyncMs * (1 - RESYNC_JITTER * random()),
    );
  }

  async #work(): Promise<void> {
    for (let item = await this.#queue.take(); item !== undefined; item = await this.#queue.take()) {
      try {
        await this.#process(item.key);
      } finally {
        this.#queue.done(item.key);
      }
    }
  }

  async #process(key: ObjectKey): Promise<void> {
    if (this.#definition.primary.isBehind(key)) {
      this.#queue.addAfter(key, BEHIND_MS);
      return;
    }
    const startedMs = this.#options.clock.monotonicMs();
    const seconds = (): number => (this.#options.clock.monotonicMs() - startedMs) / 1e3;
    try {
      const { requeueAfterMs } = await this.#reconcile(key);
      this.#retries.forget(key);
      this.#metrics.reconciled(requeueAfterMs === undefined ? 'success' : 'requeue_after', seconds());
      if (requeueAfterMs !== undefined) this.#queue.addAfter(key, requeueAfterMs);
    } catch (err) {
      if (this.#stop.signal.aborted) {
        this.#logger.info({ key }, 'a reconcile was broken off');
        return;
      }
      this.#metrics.reconciled('error', seconds());
      this.#planRetry(key, err);
    }
  }

  #planRetry(key: ObjectKey, err: unknown): void {
    const delayMs = this.#retries.delayAfter(key, err);
    if (delayMs === undefined) {
      this.#metrics.failed('terminal');
      this.#logger.warn({ err, key }, 'a reconcile failed, and waits for a change');
      return;
    }
    this.#metrics.failed(isFault(err) ? 'panic' : 'plain');
    this.#metrics.retried();
    const retry = { err, key, delayMs: Math.round(delayMs), failures: this.#retries.failures(key) };
    // Somebody else wrote in between: nothing is wrong.
    if (isKubeError(err, 'conflict')) this.#logger.debug(retry, 'a reconcile is repeated');
    else if (isFault(err)) this.#logger.error(retry, 'a reconcile failed by a fault of the program');
    else this.#logger.warn(retry, 'a reconcile failed and is repeated');
    this.#queue.addAfter(key, delayMs);
  }

  /** With the signal that ends it: by the stop, or when its time is up. */
  async #reconcile(key: ObjectKey): Promise<ReconcileResult> {
    const { reconcile, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#definition;
    const controller = new AbortController();
    const { signal } = this.#stop;
    const onStop = (): void => controller.abort(signal.reason);
    const timer = this.#options.clock.setTimeout(() => {
      controller.abort(new Error(`a reconcile took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    if (signal.aborted) onStop();
    else signal.addEventListener('abort', onStop, { once: true });
    try {
      return await reconcile(key, { signal: controller.signal });
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onStop);
    }
  }
}

/** What only a mistake in the code throws. */
function isFault(err: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((each) => err instanceof each);
}
