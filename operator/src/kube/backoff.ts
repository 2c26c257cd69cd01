/** Growing delays between attempts. */

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly random: () => number;
}

/** base · 2ⁿ, at most `maxMs`. */
export function exponentialMs(attempt: number, { baseMs, maxMs }: Pick<BackoffOptions, 'baseMs' | 'maxMs'>): number {
  // 2 ** 1024 is no number any more; every cap is reached long before.
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 60));
}

/** With full jitter: anywhere between nothing and the exponential delay, so that many who failed at once spread. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  nextMs(): number {
    const delayMs = exponentialMs(this.#attempts, this.#options);
    this.#attempts += 1;
    return this.#options.random() * delayMs;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
