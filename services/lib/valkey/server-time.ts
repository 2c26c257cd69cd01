/**
 * The time of the server, without asking it each time: the offset of its clock from our monotonic one.
 *
 * Every few seconds the offset is sampled several times and the sample with the shortest round trip wins, half of which
 * is taken to be the way back. What is shown never goes back: when a new sample says that it was ahead (a failover to a
 * server whose clock is behind), it runs at half speed until the two meet.
 */
import type { Clock, Timer } from '@weir/clock';

export interface ServerTime {
  /** Before the first sample: the wall clock of this machine. */
  readonly nowMs: () => number;
  /** Samples now; false when the server gave no time. */
  sample(): Promise<boolean>;
  close(): void;
}

export interface ServerTimeOptions {
  readonly clock: Clock;
  /** The reply of TIME: seconds and microseconds. */
  readonly askTime: () => Promise<unknown>;
}

const SAMPLE_PERIOD_MS = 5_000;
const SAMPLES = 3;

/** `undefined` when the reply is no time. */
export function readTimeReply(reply: unknown): number | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [seconds, microseconds] = reply.map(Number);
  if (seconds === undefined || microseconds === undefined) return undefined;
  const ms = seconds * 1_000 + microseconds / 1_000;
  return Number.isFinite(ms) ? ms : undefined;
}

export function createServerTime({ clock, askTime }: ServerTimeOptions): ServerTime {
  /** Server time minus monotonic time. */
  let offsetMs = clock.nowMs() - clock.monotonicMs();
  let shownMs = Number.NEGATIVE_INFINITY;
  let shownAtMs = clock.monotonicMs();

  const sampleOnce = async (): Promise<{ offsetMs: number; roundTripMs: number } | undefined> => {
    const sentMs = clock.monotonicMs();
    const serverMs = readTimeReply(await askTime());
    if (serverMs === undefined) return undefined;
    const receivedMs = clock.monotonicMs();
    const roundTripMs = receivedMs - sentMs;
    return { offsetMs: serverMs + roundTripMs / 2 - receivedMs, roundTripMs };
  };
  const sample = async (): Promise<boolean> => {
    let best: { offsetMs: number; roundTripMs: number } | undefined;
    for (let count = 0; count < SAMPLES; count += 1) {
      try {
        const next = await sampleOnce();
        if (next !== undefined && (best === undefined || next.roundTripMs < best.roundTripMs)) best = next;
      } catch {
        // Counted as a failed call by the client; the offset in use stays good for a long time.
        break;
      }
    }
    if (best === undefined) return false;
    ({ offsetMs } = best);
    return true;
  };
  const timer: Timer = clock.setInterval(() => void sample(), SAMPLE_PERIOD_MS);

  return {
    nowMs() {
      const monotonicMs = clock.monotonicMs();
      const floorMs = shownMs + (monotonicMs - shownAtMs) / 2;
      shownMs = Math.max(monotonicMs + offsetMs, floorMs);
      shownAtMs = monotonicMs;
      return shownMs;
    },
    sample,
    close: () => timer.cancel(),
  };
}
