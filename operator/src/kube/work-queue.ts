/**
 * Keys that want work. A key is in it once however often it is added, is never handed to two workers at a time, and what
 * is added while it is being worked on comes again afterwards: nothing is lost.
 */
import type { Clock, Timer } from '@weir/clock';

export interface AddOptions {
  /** Behind everything that is urgent. */
  readonly isLowPriority?: boolean;
}

export interface WorkItem<K> {
  readonly key: K;
  /** Since it was added. */
  readonly waitedMs: number;
}

export interface QueueWatcher {
  added(): void;
  /** Handed to a worker. */
  taken(waitedMs: number): void;
  done(workedMs: number): void;
}

export class WorkQueue<K extends string> {
  readonly #clock: Clock;
  readonly #watcher: QueueWatcher | undefined;
  /** What waits, oldest first, with the time it was added. */
  readonly #urgent = new Map<K, number>();
  readonly #patient = new Map<K, number>();
  /** Handed out, with the time of that. */
  readonly #working = new Map<K, number>();
  /** Added again while it was handed out. */
  readonly #again = new Map<K, boolean>();
  readonly #delayed = new Map<K, Timer>();
  readonly #takers: ((item: WorkItem<K> | undefined) => void)[] = [];
  #isClosed = false;

  constructor(clock: Clock, watcher?: QueueWatcher) {
    this.#clock = clock;
    this.#watcher = watcher;
  }

  /** Waiting, not counting what is delayed. */
  get length(): number {
    return this.#urgent.size + this.#patient.size;
  }

  get working(): number {
    return this.#working.size;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  /** Of those that are being worked on, in ms. */
  workingTimes(): readonly number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#working.values()].map((sinceMs) => nowMs - sinceMs);
  }

  add(key: K, { isLowPriority = false }: AddOptions = {}): void {
    if (this.#isClosed) return;
    if (this.#working.has(key)) {
      this.#again.set(key, isLowPriority && this.#again.get(key) !== false);
      return;
    }
    if (this.#urgent.has(key)) return;
    const sinceMs = this.#patient.get(key);
    if (isLowPriority && sinceMs !== undefined) return;
    this.#patient.delete(key);
    (isLowPriority ? this.#patient : this.#urgent).set(key, sinceMs ?? this.#clock.monotonicMs());
    if (sinceMs === undefined) this.#watcher?.added();
    this.#hand();
  }

  /** Of several delays of one key the last one counts; when the key is taken before it, the delay is forgotten. */
  addAfter(key: K, delayMs: number, options: AddOptions = {}): void {
    if (this.#isClosed) return;
    this.#delayed.get(key)?.cancel();
    const timer = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key, options);
    }, delayMs);
    this.#delayed.set(key, timer);
  }

  /** Waits for one. `undefined` once the queue is closed. Whoever takes one says `done` in any case. */
  take(): Promise<WorkItem<K> | undefined> {
    return new Promise((resolve) => {
      if (this.#isClosed) {
        resolve(undefined);
        return;
      }
      this.#takers.push(resolve);
      this.#hand();
    });
  }

  done(key: K): void {
    const sinceMs = this.#working.get(key);
    if (sinceMs === undefined) throw new TypeError(`${key} is not being worked on`);
    this.#working.delete(key);
    this.#watcher?.done(this.#clock.monotonicMs() - sinceMs);
    const isLowPriority = this.#again.get(key);
    this.#again.delete(key);
    if (isLowPriority !== undefined) this.add(key, { isLowPriority });
  }

  /** Nothing is handed out any more; what is being worked on goes on. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#urgent.clear();
    this.#patient.clear();
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
  }

  #hand(): void {
    while (this.#takers.length > 0) {
      const from = this.#urgent.size > 0 ? this.#urgent : this.#patient;
      const [next] = from;
      if (next === undefined) return;
      const [key, sinceMs] = next;
      from.delete(key);
      // What is done now decides anew when to come back.
      this.#delayed.get(key)?.cancel();
      this.#delayed.delete(key);
      const nowMs = this.#clock.monotonicMs();
      this.#working.set(key, nowMs);
      const waitedMs = nowMs - sinceMs;
      this.#watcher?.taken(waitedMs);
      this.#takers.shift()?.({ key, waitedMs });
    }
  }
}
