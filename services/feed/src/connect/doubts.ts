/**
 * What a dropped frame throws doubt on, and what ends that: a frame that is taken, a heartbeat that names what is known, or
 * that the frame is seen to have been late. It was, when nothing else speaks against what is known for 2 s and the venue's
 * clock has not gone back: later frames of any market are as far ahead of our clock as those before.
 */
import type { OrderedFrame } from './frame-order.ts';
import type { Doubt, KnownMarket } from './known-market.ts';
import type { Mark } from './ticker-order.ts';

const DOUBTED_MS = 2_000;
/** A clock is set by more than that at once, and slewed for less. */
const SLIGHT_US = 100_000;
/** Frames are not all on their way for equally long. */
const JITTER_US = 50_000;
const WINDOW_MS = 1_000;

/** How far the venue's times were ahead of ours at most, since then. */
interface Lead {
  readonly sinceMs: number;
  readonly mostUs: number;
}

export class Doubts {
  #lead: Lead = { sinceMs: -Infinity, mostUs: -Infinity };
  #leadBefore = this.#lead;

  /** Of every frame with a time that counts. */
  noteTime(venueTimeUs: number, nowMs: number): void {
    const leadUs = venueTimeUs - nowMs * 1_000;
    if (nowMs - this.#lead.sinceMs >= WINDOW_MS) {
      this.#leadBefore = this.#lead;
      this.#lead = { sinceMs: nowMs, mostUs: leadUs };
    } else if (leadUs > this.#lead.mostUs) this.#lead = { ...this.#lead, mostUs: leadUs };
  }

  /** What is dropped contradicts what is known, unless it says the same. */
  raise(known: KnownMarket, { channel, mark, price, book }: OrderedFrame, nowMs: number): void {
    const doubt = this.#doubtOf(known.marks[channel], mark, nowMs);
    if (price !== undefined && price !== known.last?.price) known.lastDoubt = worse(known.lastDoubt, doubt);
    if (book === undefined) return;
    if (book.bid !== known.bid?.price || book.ask !== known.ask?.price) known.bookDoubt = worse(known.bookDoubt, doubt);
  }

  isDoubted({ lastDoubt, bookDoubt }: KnownMarket, nowMs: number): boolean {
    return this.#holds(lastDoubt, nowMs) || this.#holds(bookDoubt, nowMs);
  }

  #doubtOf(before: Mark | undefined, { venueTimeUs, arrivedMs }: Mark, atMs: number): Doubt {
    if (before?.venueTimeUs === undefined || venueTimeUs === undefined)
      return { atMs, backUs: Infinity, leadUs: Infinity };
    const leadUs = before.venueTimeUs - before.arrivedMs * 1_000;
    // By so much a clock would have been set.
    const backUs = leadUs - (venueTimeUs - arrivedMs * 1_000);
    return { atMs, backUs, leadUs: Math.max(leadUs, this.#lead.mostUs, this.#leadBefore.mostUs) };
  }

  #holds(doubt: Doubt | undefined, nowMs: number): boolean {
    if (doubt === undefined) return false;
    const { atMs, backUs, leadUs } = doubt;
    if (nowMs - atMs < DOUBTED_MS) return true;
    const shows = ({ sinceMs, mostUs }: Lead): boolean => sinceMs > atMs && mostUs >= leadUs - JITTER_US;
    return backUs >= SLIGHT_US && !shows(this.#lead) && !shows(this.#leadBefore);
  }
}

/** One of them is not over before both are. */
function worse(known: Doubt | undefined, next: Doubt): Doubt {
  if (known === undefined) return next;
  const { atMs } = next;
  return { atMs, backUs: Math.max(known.backUs, next.backUs), leadUs: Math.max(known.leadUs, next.leadUs) };
}

/** The venue itself says which frame was the last one. */
export function forgetDoubts(known: KnownMarket): void {
  known.lastDoubt = undefined;
  known.bookDoubt = undefined;
}
