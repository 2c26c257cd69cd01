/** Tells callers what became of their requests for one provider, and counts: under way, ended, refused. */
import type { GateMetrics } from './provider-metrics.ts';
import type { PointsWaiter } from './provider-queue.ts';

export class ProviderTally {
  readonly #metrics: GateMetrics;
  #running = 0;
  #done = 0;

  constructor(metrics: GateMetrics) {
    this.#metrics = metrics;
  }

  get running(): number {
    return this.#running;
  }

  get done(): number {
    return this.#done;
  }

  admit(waiter: PointsWaiter, basis: 'cluster' | 'local'): void {
    this.#metrics.consumed[basis].add(waiter.points);
    if (waiter.hasWaited) this.#metrics.waited.add();
    this.#running += 1;
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      this.#running -= 1;
      this.#done += 1;
    };
    waiter.resolve({ admitted: true, basis, done });
  }

  refuse(waiter: PointsWaiter, basis: 'cluster' | 'local', retryAfterMs: number): void {
    this.#metrics.refused[basis].add();
    waiter.resolve({ admitted: false, basis, retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)) });
  }
}
