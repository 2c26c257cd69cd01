/** Where a pair can be asked for by REST: the markets that the venues of feeds list. */
import type { Upstream, Upstreams, VenueFetcher } from '@weir/upstream';
import { findVenue, type Instrument, type Venue } from '@weir/venues';
import type { FeedSource, Pair } from '@weir/wire';
import type { Feed } from './read-documents.ts';

/** A market, and who asks for it. */
export interface Offer {
  /** Id of the venue. */
  readonly venue: string;
  readonly instrument: Instrument;
  readonly fetcher: VenueFetcher;
}

export interface MarketSearch {
  /** In the order of the feeds and of their sources; a venue once. */
  readonly offers: readonly Offer[];
  /** Whether all lists are known: else there may be more. */
  readonly isComplete: boolean;
}

/** Never rejects; takes as long as a venue that nobody has asked yet takes for its list. */
export type FindMarkets = (pair: Pair, feeds: Iterable<Feed>) => Promise<MarketSearch>;

export function createMarketFinder(upstreams: Pick<Upstreams, 'of'>): FindMarkets {
  return async (pair, feeds) => {
    const found = await Promise.all([...reach(upstreams, feeds)].map((way) => look(way, pair)));
    return {
      offers: found.flatMap(({ offer }) => (offer === undefined ? [] : [offer])),
      isComplete: found.every(({ isKnown }) => isKnown),
    };
  };
}

interface Way {
  readonly venue: Venue;
  readonly upstream: Upstream;
  readonly source: FeedSource;
  readonly feed: Feed;
}

function reach(upstreams: Pick<Upstreams, 'of'>, feeds: Iterable<Feed>): Iterable<Way> {
  const ways = new Map<Upstream, Way>();
  for (const feed of feeds) {
    for (const source of feed.sources) {
      const venue = venueOf(source);
      if (venue === undefined) continue;
      const upstream = upstreams.of(venue, source);
      if (upstream !== undefined && !ways.has(upstream)) ways.set(upstream, { venue, upstream, source, feed });
    }
  }
  return ways.values();
}

/** By its address a source may speak another protocol of the venue. */
function venueOf({ exchange, url }: FeedSource): Venue | undefined {
  const venue = findVenue(exchange);
  return url === undefined ? venue : (venue?.at?.(url) ?? venue);
}

interface Found {
  readonly offer: Offer | undefined;
  readonly isKnown: boolean;
}

async function look({ venue, upstream, source, feed }: Way, pair: Pair): Promise<Found> {
  const listed = await upstream.instruments.load();
  const override = feed.quote === pair.quote ? source.symbols?.[pair.asset] : undefined;
  const instrument =
    override === undefined ? listed?.get(`${pair.asset}-${pair.quote}`) : named(override, pair, listed);
  const isKnown = listed !== undefined || override !== undefined;
  if (instrument === undefined) return { offer: undefined, isKnown };
  return { offer: { venue: venue.id, instrument, fetcher: upstream.fetcher }, isKnown };
}

/** The operator's own symbol holds, whatever is listed; the list may know another name of it for REST. */
function named(symbol: string, pair: Pair, listed: ReadonlyMap<string, Instrument> | undefined): Instrument {
  for (const instrument of listed?.values() ?? []) if (instrument.symbol === symbol) return { ...instrument, ...pair };
  return { ...pair, symbol };
}
