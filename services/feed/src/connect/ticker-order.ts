/** Which of two frames of one market and channel is the newer one, by what the venue says of their order. Pure. */

/** unknown: the venue gives them no order. */
export type Order = 'older' | 'same' | 'newer' | 'unknown';

export interface Mark {
  /** What it says of the market, as text: two that say the same at one time are one. */
  readonly content: string;
  readonly sequence: number | undefined;
  readonly venueTimeUs: number | undefined;
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

const millisecondOf = (microseconds: number): number => Math.floor(microseconds / 1_000);

const FRACTION = /\.(\d{1,6})/;

/** Microseconds, as far as the venue gives them: two connections may mix the frames of one millisecond. */
export function venueTimeUsOf(text: string): number | undefined {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) return undefined;
  const microseconds = Number((FRACTION.exec(text)?.[1] ?? '').padEnd(6, '0').slice(3));
  return timeMs * 1_000 + microseconds;
}
