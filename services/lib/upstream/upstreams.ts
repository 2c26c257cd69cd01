/** The venues that one process asks by REST: whoever asks the same venue at the same address shares one way to it. */
import type { Venue } from '@weir/venues';
import { createHostLanes } from './host-lanes.ts';
import {
  createInstrumentDirectory,
  type InstrumentDirectory,
  type InstrumentDirectoryOptions,
} from './instrument-directory.ts';
import { createVenueFetcher, type VenueFetcher } from './venue-fetcher.ts';

export interface Upstream {
  readonly fetcher: VenueFetcher;
  readonly instruments: InstrumentDirectory;
}

/** Where a source says that its venue is; absent: the venue's own addresses. */
interface SourceAddress {
  readonly url?: string;
  readonly restUrl?: string;
}

export interface Upstreams {
  /**
   * `undefined` where a source has a socket of its own and no REST address: the venue's own would list and price the
   * markets of somebody else (docs/decisions/0061-own-addresses-come-in-pairs.md).
   */
  of(venue: Venue, source: SourceAddress): Upstream | undefined;
}

/** Addresses come from documents, which people edit: each of them would stay for good. */
const KNOWN_MAX = 100;

export type UpstreamsOptions = Omit<InstrumentDirectoryOptions, 'venue' | 'restUrl' | 'lanes'>;

export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const lanes = createHostLanes(options.clock);
  const known = new Map<string, Upstream>();
  return {
    of(venue, { url, restUrl = url === undefined ? venue.defaultRestUrl : undefined }) {
      if (restUrl === undefined) return undefined;
      // An archived protocol of a venue has the id of the venue, and lists of its own.
      const name = `${venue.id} ${venue.defaultUrl} ${restUrl}`;
      let upstream = known.get(name);
      if (upstream === undefined) {
        const all = { ...options, venue, restUrl, lanes };
        upstream = { fetcher: createVenueFetcher(all), instruments: createInstrumentDirectory(all) };
      }
      // The one that was asked for last is the last to go; whoever has one of the others keeps it.
      known.delete(name);
      known.set(name, upstream);
      for (const oldest of known.keys()) if (known.size > KNOWN_MAX) known.delete(oldest);
      return upstream;
    },
  };
}
