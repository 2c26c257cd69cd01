/** Which of two frames of one market and channel is the newer one, by what the venue says of their order. Pure. */

/** unknown: the venue gives them no order. */
export type Order = 'older' | 'same' | 'newer' | 'unknown';

export interface Mark {
  /** What it says of the market, as text: two that say the same at one time are one. */
  readonly content: string;
  readonly sequence: number | undefined;
  readonly venueTimeUs: number | undefined;
  /** Monotonic. */
  readonly arrivedMs: number;
  /** Of the connection it came by. */
  readonly connection: number;
}

/** Venue clocks are a little ahead at times; what is further ahead is no time to compare with. */
export const AHEAD_MS_MAX = 2_000;

/**
 * What the second is against the first. A sequence that goes back is an older message, unless its time goes on: then the
 * venue counts anew. Without a sequence the time alone decides, and at one time the content tells whether it is the same.
 * Gaps mean nothing: the sequence counts events that are not sent here.
 */
export function compareMarks(known: Mark | undefined, next: Mark): Order {
  if (known === undefined) return 'newer';
  const hasTimes = next.venueTimeUs !== undefined && known.venueTimeUs !== undefined;
  const timeStep = hasTimes ? next.venueTimeUs - known.venueTimeUs : 0;
  if (next.sequence !== undefined && known.sequence !== undefined) {
    if (next.sequence < known.sequence) return timeStep <= 0 ? 'older' : 'newer';
    return next.sequence === known.sequence ? 'same' : 'newer';
  }
  // By one connection, the order of arrival counts for more than a clock that jitters by less than a millisecond.
  const isOrdered = known.connection === next.connection && hasTimes;
  if (isOrdered && millisecondOf(next.venueTimeUs) === millisecondOf(known.venueTimeUs)) return 'newer';
  if (timeStep !== 0) return timeStep < 0 ? 'older' : 'newer';
  return hasTimes && next.content === known.content ? 'same' : 'unknown';
}

/** It is not the first of its connection, and no repetition of the one before. */
export function isMove(known: Mark | undefined, next: Mark): boolean {
  if (known?.connection !== next.connection) return false;
  return next.content !== known.content || next.venueTimeUs !== known.venueTimeUs;
}

/** Frames of a channel that came later than what is known and say that they are older: since when, and the first of them. */
export interface Setback {
  /** Monotonic. */
  readonly sinceMs: number;
  readonly first: Mark;
}

/** Frames that lag are over sooner. */
const SETBACK_MS = 2_000;

/** After one more of them; if it goes back behind the first, they begin anew. */
export function noteSetback(known: Setback | undefined, next: Mark, nowMs: number): Setback {
  const isOn = known !== undefined && !isBehind(next, known.first);
  return isOn ? known : { sinceMs: nowMs, first: next };
}

/** They have gone on for so long, and onwards among themselves, that it is the venue's clock that was set back. */
export function isClockSetBack({ sinceMs, first }: Setback, next: Mark, nowMs: number): boolean {
  return nowMs - sinceMs >= SETBACK_MS && isBehind(first, next);
}

/** A sequence that goes on while the time goes back shows the same at once. */
export function showsClockSetBack(known: Mark | undefined, next: Mark): boolean {
  if (known?.sequence === undefined || next.sequence === undefined || next.sequence <= known.sequence) return false;
  if (known.venueTimeUs === undefined || next.venueTimeUs === undefined) return false;
  return millisecondOf(next.venueTimeUs) < millisecondOf(known.venueTimeUs);
}

function isBehind(one: Mark, other: Mark): boolean {
  if (one.venueTimeUs !== undefined && other.venueTimeUs !== undefined) return one.venueTimeUs < other.venueTimeUs;
  return one.sequence !== undefined && other.sequence !== undefined && one.sequence < other.sequence;
}

const millisecondOf = (microseconds: number): number => Math.floor(microseconds / 1_000);

const FRACTION = /\.(\d{1,6})/;

/** Microseconds, as far as the venue gives them: two connections may mix the frames of one millisecond. */
export function venueTimeUsOf(text: string): number | undefined {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) return undefined;
  const microseconds = Number((FRACTION.exec(text)?.[1] ?? '').padEnd(6, '0').slice(3));
  return timeMs * 1_000 + microseconds;
}
