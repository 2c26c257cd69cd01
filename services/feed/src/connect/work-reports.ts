/**
 * What a venue has said of single pieces of work, beyond the connection that it was said on. Nobody may be there to hear
 * that one is over, so a standstill is believed until a while after its announced end and no longer.
 */
import type { Clock, Timer } from '@weir/clock';
import type { StatusEvent } from '@weir/venues';
import { OPEN_END_MS } from './venue-halt.ts';

/** Work takes longer than announced. */
const OVERRUN_MS = 900_000;
/** Longer standstills are not believed, and timers cannot wait for any time. */
const BELIEVED_MS_MAX = 86_400_000;
const REPORTS_MAX = 50;

interface Report {
  readonly status: StatusEvent;
  readonly timer: Timer | undefined;
}

export class WorkReports {
  readonly #clock: Clock;
  readonly #onOver: (status: StatusEvent) => void;
  readonly #reports = new Map<string, Report>();

  /** `onOver` is given the end that nobody told. */
  constructor(clock: Clock, onOver: (status: StatusEvent) => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** One that speaks of the venue as a whole is left to the connection it came by. */
  take(status: StatusEvent): void {
    const { work, state, maintenance = [] } = status;
    if (work === undefined) return;
    this.#drop(work);
    if (state === 'online' && maintenance.length === 0) return;
    this.#reports.set(work, { status, timer: state === 'halted' ? this.#expectEnd(work, status) : undefined });
    for (const oldest of this.#reports.keys()) if (this.#reports.size > REPORTS_MAX) this.#drop(oldest);
  }

  /** What is not over. */
  get current(): readonly StatusEvent[] {
    return [...this.#reports.values()].map(({ status }) => status);
  }

  stop(): void {
    for (const work of this.#reports.keys()) this.#drop(work);
  }

  #expectEnd(work: string, { maintenance = [], message }: StatusEvent): Timer {
    const nowMs = this.#clock.nowMs();
    const ends = maintenance.flatMap(({ endsAt }) => (endsAt === undefined ? [] : [Date.parse(endsAt)]));
    const endMs = ends.length === 0 ? nowMs + OPEN_END_MS : Math.max(...ends);
    const leftMs = Math.min(Math.max(0, endMs + OVERRUN_MS - nowMs), BELIEVED_MS_MAX);
    return this.#clock.setTimeout(() => {
      this.#reports.delete(work);
      this.#onOver({ kind: 'status', state: 'online', message: `${message}: taken to be over`, maintenance: [], work });
    }, leftMs);
  }

  #drop(work: string): void {
    this.#reports.get(work)?.timer?.cancel();
    this.#reports.delete(work);
  }
}
