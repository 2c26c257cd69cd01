/** Asks again until an expectation holds; when it never does, the last answer is the failure. */
import { sleep, systemClock } from '@weir/clock';

const POLL_MS = 200;

/** `within` is generous: a machine with two cores runs the cluster, the load and the tests. */
export async function eventually<T>(check: () => Promise<T>, withinMs = 60_000): Promise<T> {
  const endMs = systemClock.monotonicMs() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (err) {
      if (systemClock.monotonicMs() >= endMs) throw err;
    }
    await sleep(systemClock, POLL_MS);
  }
}

/** Throws as soon as the check fails; resolves once it has held all the time. */
export async function always(check: () => Promise<unknown>, forMs: number): Promise<void> {
  const endMs = systemClock.monotonicMs() + forMs;
  while (systemClock.monotonicMs() < endMs) {
    await check();
    await sleep(systemClock, POLL_MS);
  }
}
