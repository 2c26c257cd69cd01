/**
 * The breaker of one client: knows whether a call is worth its deadline.
 *
 * closed: calls go out. open: they are refused at once. half-open: as open, while one probe asks. It opens on the
 * first time-out that the server is to blame for (a hung server then costs each caller in flight one deadline, once,
 * and nobody after), on five replies in a row that say "not now", and while there is no connection. It closes when a
 * probe is answered in time; probes go out at once and then every 250 ms.
 */
import type { Clock, Timer } from '@weir/clock';

export type Health = 'closed' | 'open' | 'half-open';

export interface Breaker {
  readonly health: Health;
  readonly succeeded: () => void;
  /** The server answered that it cannot serve. */
  readonly failed: () => void;
  /** The server did not answer in time. */
  readonly timedOut: () => void;
  readonly connected: () => void;
  /** Also the end: nothing runs after it. */
  readonly disconnected: () => void;
}

export interface BreakerOptions {
  readonly clock: Clock;
  /** Resolves with whether the server answered in time and serves; never rejects. */
  readonly probe: () => Promise<boolean>;
  /** Opened for the server's answers, or the lack of them; a lost connection is reported by that. */
  readonly onTrip: () => void;
  readonly onRecover: () => void;
}

const PROBE_PERIOD_MS = 250;
const FAILURES_MAX = 5;

export function createBreaker({ clock, probe, onTrip, onRecover }: BreakerOptions): Breaker {
  let health: Health = 'open';
  let failures = 0;
  let timer: Timer | undefined;
  /** Raised by every (dis)connection, so that a probe of the connection before says nothing about this one. */
  let connection = 0;

  const ask = async (): Promise<void> => {
    timer = undefined;
    const asked = connection;
    const startedMs = clock.monotonicMs();
    health = 'half-open';
    const hasAnswered = await probe();
    if (asked !== connection) return;
    if (hasAnswered) {
      failures = 0;
      health = 'closed';
      onRecover();
      return;
    }
    health = 'open';
    const delayMs = Math.max(0, startedMs + PROBE_PERIOD_MS - clock.monotonicMs());
    timer = clock.setTimeout(() => void ask(), delayMs);
  };
  const open = (): void => {
    if (health !== 'closed') return;
    onTrip();
    void ask();
  };
  const reset = (next: Health): void => {
    connection += 1;
    failures = 0;
    timer?.cancel();
    timer = undefined;
    health = next;
  };

  return {
    get health() {
      return health;
    },
    succeeded() {
      failures = 0;
    },
    failed() {
      failures += 1;
      if (failures >= FAILURES_MAX) open();
    },
    timedOut: open,
    connected: () => reset('closed'),
    disconnected: () => reset('open'),
  };
}
