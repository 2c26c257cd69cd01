/**
 * Which genuine datagrams this process has taken, for as long as their time would still be accepted.
 *
 * A datagram is known by 64 bits of its hmac, which covers all of it: session, asset, time and nonce. They are kept by the
 * ten seconds that its `unix_ms` lies in, and forgotten when those ten seconds have become too old to be accepted, so
 * nothing is forgotten that could still come again. So many are held at most; beyond that nothing new is taken, since
 * nobody could tell it when it comes again. No call does more work than one that others wait for may.
 */
import { TOLERANCE_MS } from './datagram.ts';

export interface ReplayWindow {
  /** `full`: not here before as far as is known, and could not be remembered. `high` and `low`: 32 bits each. */
  look(unixMs: number, high: number, low: number): 'new' | 'seen' | 'full';
  /** Remembers one that is `new`. */
  add(unixMs: number, serverNowMs: number, high: number, low: number): void;
  readonly size: number;
}

const SPAN_MS = 10_000;
/** 70,000 a second, more than a process answers; 64 MB at most. */
const ENTRIES_MAX = 3_000_000;

export function createReplayWindow(entriesMax = ENTRIES_MAX): ReplayWindow {
  const spans = new Map<number, MarkSet>();
  let size = 0;
  let lastDropMs = Number.NEGATIVE_INFINITY;

  const dropOld = (serverNowMs: number): void => {
    lastDropMs = serverNowMs;
    for (const [span, marks] of spans) {
      const isOver = (span + 1) * SPAN_MS <= serverNowMs - TOLERANCE_MS;
      // After a clock that was far ahead and has been put back; none of those are accepted now.
      const isAhead = span * SPAN_MS > serverNowMs + TOLERANCE_MS;
      if (!isOver && !isAhead) continue;
      spans.delete(span);
      size -= marks.size;
    }
  };

  return {
    get size() {
      return size;
    },
    look(unixMs, high, low) {
      if (spans.get(Math.floor(unixMs / SPAN_MS))?.has(high, low) === true) return 'seen';
      return size < entriesMax ? 'new' : 'full';
    },
    add(unixMs, serverNowMs, high, low) {
      const span = Math.floor(unixMs / SPAN_MS);
      let marks = spans.get(span);
      if (marks === undefined) {
        marks = new MarkSet();
        spans.set(span, marks);
      }
      if (marks.add(high, low)) size += 1;
      if (Math.abs(serverNowMs - lastDropMs) >= 1_000) dropOld(serverNowMs);
    },
  };
}

/** Marks are spread over so many tables, which grow one by one: a large one would keep everybody waiting while it does. */
const TABLES = 256;

class MarkSet {
  readonly #tables: (MarkTable | undefined)[] = Array.from({ length: TABLES });
  size = 0;

  has(high: number, low: number): boolean {
    return this.#tables[high >>> 24]?.has(high | 0, unlikeEmpty(high, low)) ?? false;
  }

  /** False when it is there already. */
  add(high: number, low: number): boolean {
    const table = (this.#tables[high >>> 24] ??= new MarkTable());
    const isNew = table.add(high | 0, unlikeEmpty(high, low));
    if (isNew) this.size += 1;
    return isNew;
  }
}

/** Two zeros are an empty place. */
const unlikeEmpty = (high: number, low: number): number => (high === 0 && low === 0 ? 1 : low | 0);

const FIRST_PLACES = 16;

/** 64-bit marks in open addressing; nothing is ever taken out. At most three quarters of the places are in use. */
class MarkTable {
  #places = FIRST_PLACES;
  #words = new Int32Array(2 * FIRST_PLACES);
  #size = 0;

  has(high: number, low: number): boolean {
    return this.#find(high, low) === -1;
  }

  add(high: number, low: number): boolean {
    const at = this.#find(high, low);
    if (at === -1) return false;
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#size += 1;
    if (this.#size * 4 > this.#places * 3) this.#grow();
    return true;
  }

  /** The empty place for a mark, -1 when it is there. */
  #find(high: number, low: number): number {
    const words = this.#words;
    const mask = this.#places - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const at = place * 2;
      const first = words[at];
      const second = words[at + 1];
      if (first === 0 && second === 0) return at;
      if (first === high && second === low) return -1;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#places *= 2;
    this.#words = new Int32Array(2 * this.#places);
    for (let at = 0; at < old.length; at += 2) {
      const high = Number(old[at]);
      const low = Number(old[at + 1]);
      if (high === 0 && low === 0) continue;
      const free = this.#find(high, low);
      this.#words[free] = high;
      this.#words[free + 1] = low;
    }
  }
}
