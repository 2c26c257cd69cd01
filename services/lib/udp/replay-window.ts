/**
 * Which genuine datagrams this process has taken, for as long as their time would still be accepted.
 *
 * A datagram is known by 64 bits of its hmac, which covers all of it: session, asset, time and nonce. They are kept by the
 * ten seconds that its `unix_ms` lies in, and forgotten when those ten seconds have become too old to be accepted, so
 * nothing is forgotten that could still come again. Each ten seconds hold so many at most, in 8 MB of which the system gives
 * what is used; beyond that nothing new is taken, since nobody could tell it when it comes again.
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
/** In each ten seconds: 90,000 a second, more than a process answers. */
const SPAN_ENTRIES_MAX = 900_000;
/** Of the places that a span has for them; more would have to be looked for too long. */
const FILLED_MAX = 7 / 8;

export function createReplayWindow(entriesMax = SPAN_ENTRIES_MAX): ReplayWindow {
  const places = 2 ** Math.ceil(Math.log2(entriesMax / FILLED_MAX));
  const spans = new Map<number, MarkSet>();
  let lastDropMs = Number.NEGATIVE_INFINITY;
  // Those that were used last: most datagrams are of the same ten seconds.
  let lastSpan = Number.NaN;
  let lastMarks: MarkSet | undefined;

  const marksOf = (unixMs: number): MarkSet | undefined => {
    const span = Math.floor(unixMs / SPAN_MS);
    if (span === lastSpan) return lastMarks;
    lastSpan = span;
    lastMarks = spans.get(span);
    return lastMarks;
  };

  const dropOld = (serverNowMs: number): void => {
    lastDropMs = serverNowMs;
    for (const span of spans.keys()) {
      const isOver = (span + 1) * SPAN_MS <= serverNowMs - TOLERANCE_MS;
      // After a clock that was far ahead and has been put back; none of those are accepted now.
      const isAhead = span * SPAN_MS > serverNowMs + TOLERANCE_MS;
      if (!isOver && !isAhead) continue;
      spans.delete(span);
      lastSpan = Number.NaN;
    }
  };

  return {
    get size() {
      let size = 0;
      for (const marks of spans.values()) size += marks.size;
      return size;
    },
    look(unixMs, high, low) {
      const marks = marksOf(unixMs);
      if (marks === undefined) return 'new';
      if (marks.has(high, low)) return 'seen';
      return marks.size < entriesMax ? 'new' : 'full';
    },
    add(unixMs, serverNowMs, high, low) {
      let marks = marksOf(unixMs);
      if (marks === undefined) {
        marks = new MarkSet(places);
        lastMarks = marks;
        spans.set(lastSpan, marks);
      }
      marks.add(high, low);
      if (Math.abs(serverNowMs - lastDropMs) >= 1_000) dropOld(serverNowMs);
    },
  };
}

/** 64-bit marks in open addressing; nothing is ever taken out. Never grows: filling a larger table anew would keep everybody waiting. */
class MarkSet {
  readonly #mask: number;
  readonly #words: Int32Array;
  size = 0;

  /** `places`: a power of two, more than it will ever hold. */
  constructor(places: number) {
    this.#mask = places - 1;
    this.#words = new Int32Array(2 * places);
  }

  has(high: number, low: number): boolean {
    return this.#find(high | 0, unlikeEmpty(high, low)) === -1;
  }

  add(high: number, low: number): void {
    const second = unlikeEmpty(high, low);
    const at = this.#find(high | 0, second);
    // One place stays empty, or a search would never end.
    if (at === -1 || this.size >= this.#mask) return;
    this.#words[at] = high | 0;
    this.#words[at + 1] = second;
    this.size += 1;
  }

  /** The empty place for a mark, -1 when it is there. */
  #find(high: number, low: number): number {
    const words = this.#words;
    const mask = this.#mask;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const at = place * 2;
      const first = words[at];
      const second = words[at + 1];
      if (first === 0 && second === 0) return at;
      if (first === high && second === low) return -1;
    }
  }
}

/** Two zeros are an empty place. */
const unlikeEmpty = (high: number, low: number): number => (high === 0 && low === 0 ? 1 : low | 0);
