/**
 * Which genuine datagrams this process has seen, for as long as their time would still be accepted.
 *
 * A datagram is known by 64 bits of its hmac, which covers all of it: session, asset, time and nonce. They are kept by the
 * ten seconds that its `unix_ms` lies in, and forgotten when those ten seconds have become too old to be accepted, so
 * nothing is forgotten that could still come again. Each ten seconds hold so many at most; beyond that a datagram counts
 * as seen, since nobody could tell.
 */
import { TOLERANCE_MS } from './datagram.ts';

export interface ReplayWindow {
  /** False for one that was here before, and when no more can be remembered. `high` and `low`: 32 bits each. */
  admit(unixMs: number, serverNowMs: number, high: number, low: number): boolean;
  readonly size: number;
}

const SPAN_MS = 10_000;
/** 100,000 a second, more than a process answers; 16 bytes each at most. */
const SPAN_ENTRIES_MAX = 1_000_000;

export function createReplayWindow(entriesMax = SPAN_ENTRIES_MAX): ReplayWindow {
  const spans = new Map<number, MarkSet>();
  let lastDropMs = Number.NEGATIVE_INFINITY;

  const dropOld = (serverNowMs: number): void => {
    lastDropMs = serverNowMs;
    for (const span of spans.keys()) {
      const isOver = (span + 1) * SPAN_MS <= serverNowMs - TOLERANCE_MS;
      // After a clock that was far ahead and has been put back; none of those are accepted now.
      const isAhead = span * SPAN_MS > serverNowMs + TOLERANCE_MS;
      if (isOver || isAhead) spans.delete(span);
    }
  };

  return {
    get size() {
      let size = 0;
      for (const marks of spans.values()) size += marks.size;
      return size;
    },
    admit(unixMs, serverNowMs, high, low) {
      if (Math.abs(serverNowMs - lastDropMs) >= 1_000) dropOld(serverNowMs);
      const span = Math.floor(unixMs / SPAN_MS);
      let marks = spans.get(span);
      if (marks === undefined) {
        marks = new MarkSet(entriesMax);
        spans.set(span, marks);
      }
      return marks.add(high, low);
    },
  };
}

const FIRST_PLACES = 1_024;

/** 64-bit marks in open addressing; nothing is ever taken out. At most half of the places are in use. */
class MarkSet {
  readonly #entriesMax: number;
  #places = FIRST_PLACES;
  #words = new Int32Array(2 * FIRST_PLACES);
  size = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** False when it is there already, or when there is no room. */
  add(high: number, low: number): boolean {
    // Two zeros are an empty place.
    const second = high === 0 && low === 0 ? 1 : low | 0;
    const at = this.#find(high | 0, second);
    if (at === -1 || this.size >= this.#entriesMax) return false;
    this.#words[at] = high | 0;
    this.#words[at + 1] = second;
    this.size += 1;
    if (this.size * 2 > this.#places) this.#grow();
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
