/** Who waits for points of one provider: interactive before background, each in the order in which they came; pure. */
import type { Consumption } from './provider-quotas.ts';

export type RequestClass = 'interactive' | 'background';

export interface PointsWaiter {
  readonly points: number;
  readonly requestClass: RequestClass;
  readonly sinceMs: number;
  readonly deadlineMs: number;
  readonly resolve: (consumption: Consumption) => void;
  /** Whether it was turned down once and has waited for more. */
  hasWaited: boolean;
}

const REQUEST_CLASSES: readonly RequestClass[] = ['interactive', 'background'];

export class ProviderQueue {
  readonly #waiting: Record<RequestClass, PointsWaiter[]> = { interactive: [], background: [] };

  get size(): number {
    return this.#waiting.interactive.length + this.#waiting.background.length;
  }

  push(waiter: PointsWaiter): void {
    this.#waiting[waiter.requestClass].push(waiter);
  }

  /** Who is to be served next: background only when nobody else waits. */
  get head(): PointsWaiter | undefined {
    return this.#waiting.interactive[0] ?? this.#waiting.background[0];
  }

  shift(): PointsWaiter | undefined {
    return this.#waiting.interactive.shift() ?? this.#waiting.background.shift();
  }

  /** Takes out those at the front that are of one class and one cost. */
  takeBatch(): PointsWaiter[] {
    const { head } = this;
    if (head === undefined) return [];
    const queue = this.#waiting[head.requestClass];
    const end = queue.findIndex(({ points }) => points !== head.points);
    return queue.splice(0, end === -1 ? queue.length : end);
  }

  putBack(batch: readonly PointsWaiter[]): void {
    const [first] = batch;
    if (first !== undefined) this.#waiting[first.requestClass].unshift(...batch);
  }

  /** Takes out those of a class and all behind it who are to get nothing before `untilMs` and will not wait for it. */
  takeHopeless(requestClass: RequestClass, untilMs: number): PointsWaiter[] {
    const hopeless: PointsWaiter[] = [];
    for (const each of requestClass === 'interactive' ? REQUEST_CLASSES : [requestClass]) {
      hopeless.push(...this.#waiting[each].filter(({ deadlineMs }) => deadlineMs < untilMs));
      this.#waiting[each] = this.#waiting[each].filter(({ deadlineMs }) => deadlineMs >= untilMs);
    }
    return hopeless;
  }

  earliestDeadlineMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const each of REQUEST_CLASSES)
      for (const { deadlineMs } of this.#waiting[each]) earliestMs = Math.min(earliestMs, deadlineMs);
    return earliestMs;
  }
}
