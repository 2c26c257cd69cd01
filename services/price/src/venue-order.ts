/** Which venue is asked first for a pair: one that could not say its price a moment ago goes last. */
import type { Clock } from '@weir/clock';
import type { Offer } from './find-market.ts';
import type { Slot } from './price-table.ts';

export interface VenueOrder {
  /** In their own order, those last that were passed within the last minute, the one passed last at the end. */
  arrange(slot: Slot, offers: readonly Offer[]): readonly Offer[];
  /** Notes whose word was not had, or not in time; `by` said the price. */
  note(slot: Slot, passed: readonly string[], by: string | undefined): void;
}

const REMEMBERED_MS = 60_000;

export function createVenueOrder(clock: Pick<Clock, 'monotonicMs'>): VenueOrder {
  const passedAtMs = new WeakMap<Slot, Map<string, number>>();
  return {
    arrange(slot, offers) {
      const known = passedAtMs.get(slot);
      if (known === undefined) return offers;
      const sinceMs = clock.monotonicMs() - REMEMBERED_MS;
      const rank = ({ venue }: Offer): number => Math.max(sinceMs, known.get(venue) ?? sinceMs);
      return offers.toSorted((a, b) => rank(a) - rank(b));
    },
    note(slot, passed, by) {
      const known = passedAtMs.get(slot) ?? new Map<string, number>();
      for (const venue of passed) known.set(venue, clock.monotonicMs());
      if (by !== undefined) known.delete(by);
      if (known.size > 0) passedAtMs.set(slot, known);
      else passedAtMs.delete(slot);
    },
  };
}
