/**
 * Prices and instrument lists of venues by REST, within the governor and the provider's quota; what nobody waits for goes
 * to a host one request at a time.
 *
 * Guarantees: nothing here rejects or throws; a request ends within seconds; what a venue is asked is known to the
 * governor and taken from its quota before it is sent; a venue that says 429 is left alone by the whole cluster; a list
 * once known stays known. Does not: retry a request, decide when to fetch, or know any venue by name.
 */
export { createHostLanes, type HostLanes } from './host-lanes.ts';
export {
  createInstrumentDirectory,
  type InstrumentDirectory,
  type InstrumentDirectoryOptions,
} from './instrument-directory.ts';
export type { InstrumentList } from './instrument-store.ts';
export { parseRetryAfter } from './retry-after.ts';
export { createVenueFetcher, type FetchedPrice, type VenueFetcher } from './venue-fetcher.ts';
export type { FetchOutcome, FetchRefusal, UpstreamOptions } from './venue-requests.ts';
export { quotaOfSource, quoteAt, venueOfSource, type VenueSource } from './source-venue.ts';
export { createUpstreams, type Upstream, type Upstreams, type UpstreamsOptions } from './upstreams.ts';
