/**
 * Lets what sockets say have a turn of the event loop for a few milliseconds and no more; the rest waits, in its order,
 * until timers and other connections have had theirs.
 *
 * Venues send in bursts: ten thousand heartbeats in the same moment. What was read already waits here, a chunk or two of
 * each socket, for nothing is read meanwhile; what was not waits in the system's buffers.
 */
import type { Clock } from '@weir/clock';

/** A socket. */
export interface FrameReader {
  pause(): void;
  /** What it has read already comes before `soon` calls back. */
  resume(): void;
}

export interface FrameTurns {
  /** Does the work now or later; what is asked for first is done first. It is told how long it had to wait. */
  readonly take: (work: Work) => void;
  join(reader: FrameReader): void;
  leave(reader: FrameReader): void;
}

type Work = (waitedMs: number) => void;

/** How the event loop goes on. */
export interface Loop {
  /** In its next turn. */
  readonly later: (callback: () => void) => void;
  /** Within this turn, behind what readers were asked to do. */
  readonly soon: (callback: () => void) => void;
}

const TURN_MS = 4;
const NODE_LOOP: Loop = { later: setImmediate, soon: (callback) => process.nextTick(callback) };

export function createFrameTurns(clock: Pick<Clock, 'monotonicMs'>, loop: Loop = NODE_LOOP): FrameTurns {
  return new Turns(clock, loop);
}

class Turns implements FrameTurns {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #loop: Loop;
  readonly #reading = new Set<FrameReader>();
  /** In the order of their pauses, so that each is resumed in its turn. */
  readonly #paused = new Set<FrameReader>();
  #waiting: { readonly work: Work; readonly sinceMs: number }[] = [];
  #next = 0;
  #spentMs = 0;
  #isTurn = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>, loop: Loop) {
    this.#clock = clock;
    this.#loop = loop;
  }

  readonly take = (work: Work): void => {
    if (!this.#isTurn) this.#loop.later(() => this.#beginTurn());
    this.#isTurn = true;
    if (this.#isFull) this.#waiting.push({ work, sinceMs: this.#clock.monotonicMs() });
    else this.#do(work, 0);
    if (this.#isFull) this.#pauseAll();
  };

  join(reader: FrameReader): void {
    this.#reading.add(reader);
    if (this.#isFull) this.#pauseAll();
  }

  leave(reader: FrameReader): void {
    this.#reading.delete(reader);
    this.#paused.delete(reader);
  }

  get #isSpent(): boolean {
    return this.#spentMs >= TURN_MS;
  }

  get #isFull(): boolean {
    return this.#isSpent || this.#waiting.length > 0;
  }

  #beginTurn(): void {
    this.#spentMs = 0;
    this.#isTurn = this.#waiting.length > 0 || this.#paused.size > 0;
    if (!this.#isTurn) return;
    this.#loop.later(() => this.#beginTurn());
    while (!this.#isSpent) {
      const item = this.#waiting[this.#next];
      if (item === undefined) break;
      this.#next += 1;
      this.#do(item.work, this.#clock.monotonicMs() - item.sinceMs);
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    this.#resumeNext();
  }

  /** One at a time: what it has read already may be enough for this turn. */
  #resumeNext(): void {
    if (this.#isFull) return;
    for (const reader of this.#paused) {
      this.#paused.delete(reader);
      this.#reading.add(reader);
      reader.resume();
      this.#loop.soon(() => this.#resumeNext());
      return;
    }
  }

  #pauseAll(): void {
    if (this.#reading.size === 0) return;
    for (const reader of this.#reading) {
      this.#paused.add(reader);
      reader.pause();
    }
    this.#reading.clear();
  }

  #do(work: Work, waitedMs: number): void {
    const startMs = this.#clock.monotonicMs();
    try {
      work(waitedMs);
    } finally {
      this.#spentMs += this.#clock.monotonicMs() - startMs;
    }
  }
}
