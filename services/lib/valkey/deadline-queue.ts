/**
 * Deadlines of calls to a server, by one timer for all of them.
 *
 * A timer that fires proves only that time has passed here. So the queue then lets the event loop read its sockets
 * (`setImmediate`) and looks again; and when the timer itself was late, the loop had stalled, the server is not to
 * blame, and every call that is due gets its whole time once more.
 */
import type { Clock, Timer } from '@weir/clock';

export interface Deadline {
  /** When the call was handed to the socket; `undefined` until the end of that turn of the event loop. */
  startedMs: number | undefined;
  dueMs: number;
  isSettled: boolean;
  wasExtended: boolean;
  expire: () => void;
}

/** In the place of what a settled deadline would have run: that holds the call, which would grow old in the queue with it. */
const NOTHING = (): void => undefined;

/** A timer that is this late did not wait for the server: our own loop was held up. */
const STALL_MS = 10;
/** Settled deadlines are left at the head until there are so many, so that each costs constant time. */
const WASTE_MAX = 1_024;

export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  /**
   * Every deadline is as long, so the order of starting is the order of falling due. What is passed is taken out of its slot:
   * a list that is old itself would carry it, dead, into the part of the heap that is cleaned seldom and slowly.
   */
  #queue: (Deadline | undefined)[] = [];
  #head = 0;
  /** Of this turn of the loop: the clock is read once for all of them, when their bytes go out. */
  #started: Deadline[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** `expire` runs once, unless `settle` comes first. */
  start(expire: () => void): Deadline {
    const deadline = { startedMs: undefined, dueMs: 0, isSettled: false, wasExtended: false, expire };
    if (this.#started.length === 0) setImmediate(() => this.#stamp());
    this.#started.push(deadline);
    return deadline;
  }

  /** False when the deadline has expired already: its caller has gone. */
  settle(deadline: Deadline): boolean {
    if (deadline.isSettled) return false;
    deadline.isSettled = true;
    deadline.expire = NOTHING;
    return true;
  }

  /** Nothing expires after it. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #stamp(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const deadline of this.#started) {
      deadline.startedMs = nowMs;
      deadline.dueMs = nowMs + this.#deadlineMs;
      this.#queue.push(deadline);
    }
    this.#started = [];
    this.#arm(nowMs);
  }

  /** The first that is not settled. */
  #next(): Deadline | undefined {
    while (this.#queue[this.#head]?.isSettled === true) this.#pass();
    if (this.#head === this.#queue.length || this.#head > WASTE_MAX) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return this.#queue[this.#head];
  }

  #pass(): void {
    this.#queue[this.#head] = undefined;
    this.#head += 1;
  }

  #arm(nowMs: number): void {
    const next = this.#next();
    if (this.#timer !== undefined || this.#isClosed || next === undefined) return;
    const expectedMs = Math.max(next.dueMs, nowMs);
    this.#timer = this.#clock.setTimeout(() => {
      const latenessMs = this.#clock.monotonicMs() - expectedMs;
      setImmediate(() => this.#check(latenessMs >= STALL_MS));
    }, expectedMs - nowMs);
  }

  #check(hasStalled: boolean): void {
    this.#timer = undefined;
    if (this.#isClosed) return;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#next(); next !== undefined && next.dueMs <= nowMs; next = this.#next()) {
      this.#pass();
      if (hasStalled && !next.wasExtended) {
        next.wasExtended = true;
        next.dueMs = nowMs + this.#deadlineMs;
        this.#queue.push(next);
        continue;
      }
      next.isSettled = true;
      next.expire();
    }
    this.#arm(nowMs);
  }
}
