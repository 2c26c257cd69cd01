/** What feeds and price servers ask of a venue's REST interface. */
import type { Instrument, RestPrice } from '@weir/venues';

export interface FetchedPrice extends RestPrice {
  /** When the venue must have known it: arrival less half the round trip, on the process's monotonic clock. */
  readonly confirmedMonotonicMs: number;
}

/** shed, concurrency: the governor. quota: the provider's. throttled, unknown, failed: the venue. */
export type FetchOutcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | {
      readonly kind: 'refused';
      readonly cause: 'shed' | 'concurrency' | 'quota' | 'throttled' | 'unknown' | 'failed';
      readonly reason: string;
      readonly retryAfterMs?: number;
    };

/** One venue at one address. Never rejects. */
export interface VenueFetcher {
  /** `background` for prewarm and fallback, `interactive` while somebody waits. */
  batch(instruments: readonly Instrument[]): Promise<FetchOutcome<readonly FetchedPrice[]>>;
  one(instrument: Instrument): Promise<FetchOutcome<FetchedPrice>>;
}

/** Which markets a venue lists: memory, then Valkey (`venue:instruments:<venue>`), then the venue. */
export interface InstrumentDirectory {
  /** By `<ASSET>-<QUOTE>`; `undefined` while nobody knows. Never rejects. */
  load(): Promise<ReadonlyMap<string, Instrument> | undefined>;
}
