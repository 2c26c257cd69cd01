/**
 * Time as a parameter: the only place in Weir that reads a clock or starts a timer.
 *
 * Guarantees: `monotonicMs` never goes back, whatever is done to the machine's date; a cancelled timer never runs;
 * delays longer than Node's own limit (24.8 days) are kept. Does not: know about time zones, or about the server time
 * of Valkey (`@weir/valkey` samples that).
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, ms since 1970. May jump. */
  nowMs(): number;
  /** Never goes back; its zero means nothing. Measure intervals with it. */
  monotonicMs(): number;
  setTimeout(run: () => void, delayMs: number): Timer;
  setInterval(run: () => void, periodMs: number): Timer;
}

/** Node turns a longer delay into 1 ms. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1;

function setLongTimeout(run: () => void, delayMs: number): Timer {
  let remainingMs = delayMs;
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const stepMs = Math.min(remainingMs, NODE_DELAY_MS_MAX);
    remainingMs -= stepMs;
    handle = setTimeout(remainingMs > 0 ? arm : run, stepMs);
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout(run, delayMs) {
    if (delayMs > NODE_DELAY_MS_MAX) return setLongTimeout(run, delayMs);
    const handle = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  setInterval(run, periodMs) {
    if (!(periodMs >= 1 && periodMs <= NODE_DELAY_MS_MAX)) throw new RangeError(`no interval of ${periodMs} ms`);
    const handle = setInterval(run, periodMs);
    return { cancel: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs`; rejects with `signal.reason`, and leaves no timer behind, when aborted before that. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delayMs);
    const abort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
