/** Whether this process may still write. */
import type { Clock } from '@weir/clock';
import { KubeError } from './kube-error.ts';

/** Asked right before every write, also of those that go to Valkey or Postgres. */
export interface Fence {
  readonly isLeader: boolean;
  /** Throws KubeError `fenced` once leadership is lost, which a process that was frozen learns here. */
  check(): void;
}

/**
 * Open until a time that each renewal moves on. It closes by the clock alone: after a freeze no timer and no answer has
 * been heard yet, but the clock shows that others may have taken over.
 */
export class TimedFence implements Fence {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #openUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  get isLeader(): boolean {
    return this.#clock.monotonicMs() < this.#openUntilMs;
  }

  check(): void {
    if (!this.isLeader) throw new KubeError({ kind: 'fenced', message: 'this process does not lead (any more)' });
  }

  openUntil(monotonicMs: number): void {
    this.#openUntilMs = monotonicMs;
  }

  close(): void {
    this.#openUntilMs = Number.NEGATIVE_INFINITY;
  }
}
