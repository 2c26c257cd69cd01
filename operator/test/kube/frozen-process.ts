/** A process that can be frozen, as by SIGSTOP: its timers and answers wait, the time goes on. */
import type { Clock, Timer } from '@weir/clock';

export class FrozenProcess {
  readonly clock: Clock;
  #isFrozen = false;
  #waiting: (() => void)[] = [];

  /** `skewMs`: by how much its date is wrong. */
  constructor(clock: Clock, skewMs = 0) {
    const run = (work: () => void): void => {
      if (this.#isFrozen) this.#waiting.push(work);
      else work();
    };
    const arm = (delayMs: number, work: () => void): Timer => {
      let isCancelled = false;
      const timer = clock.setTimeout(() => run(() => !isCancelled && work()), delayMs);
      return {
        cancel() {
          isCancelled = true;
          timer.cancel();
        },
      };
    };
    this.clock = {
      nowMs: () => clock.nowMs() + skewMs,
      monotonicMs: () => clock.monotonicMs(),
      setTimeout: (work, delayMs) => arm(delayMs, work),
      setInterval: (work, periodMs) => clock.setInterval(() => run(work), periodMs),
    };
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const work of this.#waiting.splice(0)) work();
  }

  /** What the network brings while the process is frozen is read when it goes on. */
  async receive<T>(answer: Promise<T>): Promise<T> {
    const settled = await answer.then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    if (this.#isFrozen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return settled();
  }
}
