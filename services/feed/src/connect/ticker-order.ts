/** Which of two tickers of one market is the newer one, by what the venue says of their order. Pure. */
import type { TickerEvent } from '@weir/venues';
import type { Decimal } from '@weir/wire';

/** unknown: the venue gives them no order. */
export type Order = 'older' | 'same' | 'newer' | 'unknown';

export interface TickerMark {
  readonly price: Decimal;
  readonly sequence: number | undefined;
  readonly venueTimeUs: number | undefined;
  /** Of the connection it came by. */
  readonly connection: number;
}

/** Venue clocks are a little ahead at times; what is further ahead is no time to compare with. */
const AHEAD_MS_MAX = 2_000;

/**
 * What the second is against the first. A sequence that goes back is an older message, unless its time goes on: then the
 * venue counts anew. Without a sequence the time alone decides, and at one time the price tells whether it is the same.
 * Gaps mean nothing: the sequence counts events that are not sent here.
 */
export function compareTickers(known: TickerMark | undefined, next: TickerMark): Order {
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
  return hasTimes && next.price === known.price ? 'same' : 'unknown';
}

const millisecondOf = (microseconds: number): number => Math.floor(microseconds / 1_000);

const FRACTION = /\.(\d{1,6})/;

/** Microseconds, as far as the venue gives them: two connections may mix the frames of one millisecond. */
export function venueTimeOf({ tradeTime }: TickerEvent, wallMs: number): number | undefined {
  if (tradeTime === undefined) return undefined;
  const timeMs = Date.parse(tradeTime);
  if (!(timeMs <= wallMs + AHEAD_MS_MAX)) return undefined;
  const microseconds = Number((FRACTION.exec(tradeTime)?.[1] ?? '').padEnd(6, '0').slice(3));
  return timeMs * 1_000 + microseconds;
}
