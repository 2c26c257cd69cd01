/** Waits for what a test expects to become true, instead of sleeping for as long as it might take. */
import { sleep, systemClock } from '@weir/clock';

const POLL_MS = 5;
const DEFAULT_TIMEOUT_MS = 10_000;

type Falsy = false | 0 | '' | null | undefined;

/**
 * Resolves with the condition's first truthy value. A condition that throws is asked again; after the timeout the last
 * throw becomes the cause.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<Exclude<T, Falsy>> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  for (;;) {
    let fault: unknown;
    try {
      const value = await condition();
      // Falsy values are exactly what this line turns away.
      if (value) return value as Exclude<T, Falsy>;
    } catch (err) {
      fault = err;
    }
    if (systemClock.monotonicMs() >= endMs) {
      throw new Error(`not true within ${timeoutMs} ms: ${condition.toString()}`, { cause: fault });
    }
    await sleep(systemClock, POLL_MS);
  }
}
