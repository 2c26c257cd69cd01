/** Waiting no longer than it is worth. */
import type { Clock } from '@weir/clock';

/** What comes of it within the time, else the other value; what comes later is nobody's business any more. Never rejects. */
export async function within<T, U>(clock: Clock, timeMs: number, work: Promise<T>, otherwise: U): Promise<T | U> {
  const { promise, resolve } = Promise.withResolvers<U>();
  const timer = clock.setTimeout(() => resolve(otherwise), timeMs);
  try {
    return await Promise.race([work, promise]);
  } catch {
    return otherwise;
  } finally {
    timer.cancel();
  }
}
