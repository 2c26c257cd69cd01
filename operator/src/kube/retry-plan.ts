/** When failed work is tried again. */
import { exponentialMs } from './backoff.ts';
import { isKubeError, isTerminal } from './kube-error.ts';
import type { ObjectKey } from './resource.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface RetryPlanOptions {
  readonly random: () => number;
  /** Of repeats over all keys together. */
  readonly bucket: TokenBucket;
}

const BACKOFF = { baseMs: 5, maxMs: 300_000 };
/** Rights are given by people. */
const FORBIDDEN_MS = 30_000;

export class RetryPlan {
  readonly #options: RetryPlanOptions;
  readonly #failures = new Map<ObjectKey, number>();

  constructor(options: RetryPlanOptions) {
    this.#options = options;
  }

  /** After a success, or when the object has a new generation. */
  forget(key: ObjectKey): void {
    this.#failures.delete(key);
  }

  failures(key: ObjectKey): number {
    return this.#failures.get(key) ?? 0;
  }

  /** `undefined`: not before something changes. */
  delayAfter(key: ObjectKey, error: unknown): number | undefined {
    if (isTerminal(error)) {
      this.forget(key);
      return undefined;
    }
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const { random, bucket } = this.#options;
    const backoffMs = exponentialMs(failures, BACKOFF) * (0.5 + random());
    return Math.max(backoffMs, bucket.reserve(), leastDelayMs(error));
  }
}

function leastDelayMs(error: unknown): number {
  if (!isKubeError(error)) return 0;
  return Math.max(error.retryAfterMs ?? 0, error.kind === 'forbidden' ? FORBIDDEN_MS : 0);
}
