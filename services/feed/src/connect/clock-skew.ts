/**
 * How far each venue's clock is from ours: the smallest time from a frame's venue time to its arrival in five minutes.
 * The way of the frame is part of it, so it is a little more than the difference of the clocks; below zero the venue's
 * clock is ahead. Pure but for what it remembers.
 */
export interface ClockSkews {
  note(venue: string, arrivedMs: number, venueTimeMs: number, monotonicMs: number): void;
  /** Venues that have told a time within the last five minutes. */
  read(monotonicMs: number): readonly { readonly venue: string; readonly skewMs: number }[];
}

interface Minute {
  readonly number: number;
  leastMs: number;
}

const MINUTE_MS = 60_000;
const MINUTES = 5;

export function createClockSkews(): ClockSkews {
  const venues = new Map<string, Minute[]>();
  return {
    note(venue, arrivedMs, venueTimeMs, monotonicMs) {
      let minutes = venues.get(venue);
      if (minutes === undefined) venues.set(venue, (minutes = []));
      const number = Math.floor(monotonicMs / MINUTE_MS);
      const last = minutes.at(-1);
      const skewMs = arrivedMs - venueTimeMs;
      if (last?.number === number) {
        if (skewMs < last.leastMs) last.leastMs = skewMs;
        return;
      }
      minutes.push({ number, leastMs: skewMs });
      if (minutes.length > MINUTES) minutes.shift();
    },
    read(monotonicMs) {
      const since = Math.floor(monotonicMs / MINUTE_MS) - MINUTES + 1;
      return [...venues].flatMap(([venue, minutes]) => {
        const known = minutes.filter(({ number }) => number >= since).map(({ leastMs }) => leastMs);
        return known.length === 0 ? [] : [{ venue, skewMs: Math.min(...known) }];
      });
    },
  };
}
