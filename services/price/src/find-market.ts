/** Where a pair can be asked for by REST: the markets that the venues of feeds list. */
import { quoteAt, venueOfSource, type Upstream, type Upstreams, type VenueFetcher } from '@weir/upstream';
import type { Instrument, Venue } from '@weir/venues';
import type { FeedSource, Pair } from '@weir/wire';
import type { Feed } from './read-documents.ts';

/** A market, and who asks for it. */
export interface Offer {
  /** Id of the venue. */
  readonly venue: string;
  readonly instrument: Instrument;
  /** It is traded in USDT, and the pair is one in dollars. */
  readonly isConverted: boolean;
  readonly fetcher: VenueFetcher;
}

export interface MarketSearch {
  /** In the order of the feeds and of their sources, those in USDT for a pair in dollars last; a venue once. */
  readonly offers: readonly Offer[];
  /** Whether all lists are known: else there may be more. */
  readonly isComplete: boolean;
}

/** Never rejects; takes as long as a venue that nobody has asked yet takes for its list. */
export type FindMarkets = (pair: Pair, feeds: Iterable<Feed>) => Promise<MarketSearch>;

export function createMarketFinder(upstreams: Pick<Upstreams, 'of'>): FindMarkets {
  return async (pair, feeds) => {
    const found = await Promise.all([...reach(upstreams, feeds)].map((way) => look(way, pair)));
    const offers = found.flatMap(({ offer }) => (offer === undefined ? [] : [offer]));
    return {
      offers: offers.toSorted((a, b) => Number(a.isConverted) - Number(b.isConverted)),
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
      const venue = venueOfSource(source);
      if (venue === undefined) continue;
      const upstream = upstreams.of(venue, source);
      if (upstream !== undefined && !ways.has(upstream)) ways.set(upstream, { venue, upstream, source, feed });
    }
  }
  return ways.values();
}

interface Found {
  readonly offer: Offer | undefined;
  readonly isKnown: boolean;
}

async function look({ venue, upstream, source, feed }: Way, pair: Pair): Promise<Found> {
  const listed = await upstream.instruments.load();
  const override = feed.quote === pair.quote ? source.symbols?.[pair.asset] : undefined;
  const quote = quoteAt(venue.settlement, pair);
  const instrument =
    override === undefined ? listed?.get(`${pair.asset}-${quote}`) : named(override, { ...pair, quote }, pair, listed);
  const isKnown = listed !== undefined || override !== undefined;
  // A market that stands still by the list has a last price of no known age, and will have another one.
  if (instrument?.isHalted === true) return { offer: undefined, isKnown: false };
  if (instrument === undefined) return { offer: undefined, isKnown };
  const isConverted = instrument.quote !== pair.quote;
  return { offer: { venue: venue.id, instrument, isConverted, fetcher: upstream.fetcher }, isKnown };
}

/** The operator's own symbol holds, whatever is listed; the list may know another name of it for REST, and that it is in USDT. */
function named(
  symbol: string,
  expected: Pair,
  pair: Pair,
  listed: ReadonlyMap<string, Instrument> | undefined,
): Instrument {
  for (const instrument of listed?.values() ?? []) {
    if (instrument.symbol !== symbol) continue;
    const isInUsdt = instrument.quote === 'USDT' && pair.quote === 'USD';
    return { ...instrument, asset: pair.asset, quote: isInUsdt ? 'USDT' : pair.quote };
  }
  return { ...expected, symbol };
}
