/**
 * Venue by venue, until one says a price. Each has a part of the time to itself; after that the next one is asked as well,
 * while it goes on: a venue that hangs costs its part, not the price.
 */
import { sleep, type Clock, type Timer } from '@weir/clock';
import type { FetchedPrice, FetchOutcome } from '@weir/upstream';
import type { Offer } from './find-market.ts';

export interface Asking<T> {
  readonly offers: readonly Offer[];
  /** `undefined`: it could not say a price. */
  readonly ask: (offer: Offer) => Promise<T | undefined>;
  readonly clock: Clock;
  /** Of all of them together. */
  readonly timeMs: number;
}

export interface Asked<T> {
  readonly told: T | undefined;
  /** Venues that were asked in vain, or had not answered when another one did or the time was up. */
  readonly passed: readonly string[];
}

/** More than a venue that is well takes; a third of what whoever waits has. */
const PART_MS = 700;

export function askVenues<T>({ offers, ask, clock, timeMs }: Asking<T>): Promise<Asked<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked<T>>();
  const venues: string[] = [];
  let underWay = 0;
  let isOver = false;
  /** Of the venue that was begun last. */
  let part: Timer | undefined;
  const finish = (told?: T, by?: string): void => {
    if (isOver) return;
    isOver = true;
    part?.cancel();
    end.cancel();
    resolve({ told, passed: venues.filter((venue) => venue !== by) });
  };
  const begin = (): void => {
    const offer = offers[venues.length];
    part?.cancel();
    if (isOver) return;
    if (offer === undefined) {
      if (underWay === 0) finish();
      return;
    }
    const { venue } = offer;
    const mine = clock.setTimeout(begin, PART_MS);
    part = mine;
    venues.push(venue);
    underWay += 1;
    const take = (told: T | undefined): void => {
      underWay -= 1;
      if (told !== undefined) finish(told, venue);
      // One that was overtaken before has nobody waiting for its failure but the last.
      else if (part === mine || underWay === 0) begin();
    };
    ask(offer).then(take, reject);
  };
  const end = clock.setTimeout(() => finish(), timeMs);
  begin();
  return promise;
}

/** Until a place in flight is asked for again. */
const CROWDED_MS = 100;

/** Where as many requests are in flight to the venue as may be, others will soon be answered, and whoever waits can wait. */
export async function askWhenFree(
  { fetcher, instrument }: Pick<Offer, 'fetcher' | 'instrument'>,
  clock: Clock,
  endMs: number,
): Promise<FetchOutcome<FetchedPrice>> {
  for (;;) {
    const outcome = await fetcher.one(instrument);
    const isCrowded = outcome.kind === 'refused' && outcome.cause === 'concurrency';
    if (!isCrowded || clock.monotonicMs() + CROWDED_MS >= endMs) return outcome;
    await sleep(clock, CROWDED_MS);
  }
}
