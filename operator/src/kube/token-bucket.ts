/** Holds a rate on average and lets a burst pass: for calls to the API server, and for repeats of failed work. */
import { sleep, type Clock } from '@weir/clock';

export interface TokenBucketOptions {
  readonly perSecond: number;
  readonly burst: number;
  readonly clock: Clock;
}

export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #atMs: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#atMs = options.clock.monotonicMs();
  }

  /** Takes one and answers how long to wait for it, in the order of asking. */
  reserve(): number {
    const { perSecond, burst, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1e3) * perSecond) - 1;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / perSecond) * 1e3;
  }

  /** Resolves when it is the caller's turn, with the time that took. Rejects with the reason of the signal. */
  async take(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const waitMs = this.reserve();
    if (waitMs === 0) return 0;
    try {
      await sleep(this.#options.clock, waitMs, signal);
    } catch (err) {
      // Who gives up makes room.
      this.#tokens += 1;
      throw err;
    }
    return waitMs;
  }
}
