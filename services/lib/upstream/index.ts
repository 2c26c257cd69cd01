/** Prices and instrument lists of venues by REST, within the governor, the provider's quota and one request in flight per host. */
export type { FetchedPrice, FetchOutcome, InstrumentDirectory, VenueFetcher } from './venue-fetcher.ts';
