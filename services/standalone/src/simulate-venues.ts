/** Points the sources of feeds at simulated exchanges. Pure: the simulator itself is started elsewhere. */
import { WeirError } from '@weir/errors';
import { demoPair, venueIds, type ListedPair, type VenueAddress, type VenueId } from '@weir/exchanges';
import { formatPair, type FeedDocument, type FeedSource } from '@weir/wire';

export interface SimulationPlan {
  readonly venues: readonly VenueId[];
  readonly pairs: readonly ListedPair[];
  readonly ticksPerSecond: number;
}

/**
 * What must be simulated for these feeds. Pairs are as the feeds name them: each venue lists them in its own quote, and USDT in
 * dollars besides, where one of them quotes in it.
 */
export function planSimulation(feeds: readonly FeedDocument[]): SimulationPlan {
  const pairs = new Map<string, ListedPair>();
  const wanted = new Set<string>();
  for (const { assets, quote, sources } of feeds) {
    for (const asset of assets) pairs.set(formatPair({ asset, quote }), demoPair(asset, quote));
    for (const { exchange, url } of sources) if (url === undefined) wanted.add(exchange);
  }
  // Each pair trades about twice a second, as far as one process can be expected to.
  const ticksPerSecond = Math.min(500, Math.max(20, pairs.size * 2));
  return { venues: venueIds.filter((id) => wanted.has(id)), pairs: [...pairs.values()], ticksPerSecond };
}

export interface SimulatedFeeds {
  readonly feeds: readonly FeedDocument[];
  /** Sources that nothing simulates, as "<feed> <source>". */
  readonly leftOut: readonly string[];
}

/** A source with an address of its own keeps it. Throws CONFIG_INVALID when a feed is left without a source. */
export function simulateSources(
  feeds: readonly FeedDocument[],
  addresses: Readonly<Record<string, VenueAddress>>,
): SimulatedFeeds {
  const leftOut: string[] = [];
  const simulated = feeds.map((document) => {
    const sources = document.sources.flatMap((source) => simulateSource(source, addresses[source.exchange]));
    const kept = new Set(sources.map(({ name }) => name));
    leftOut.push(
      ...document.sources.filter(({ name }) => !kept.has(name)).map(({ name }) => `${document.feed} ${name}`),
    );
    if (sources.length === 0) {
      throw new WeirError('CONFIG_INVALID', {
        detail:
          `No exchange of PriceFeed ${document.feed} is simulated. Add a source with exchange ` +
          `${venueIds.join(', ')}, give a source its url, or use --venues live.`,
      });
    }
    const minSources = Math.min(document.aggregation.minSources, sources.length);
    return { ...document, sources, aggregation: { ...document.aggregation, minSources } };
  });
  return { feeds: simulated, leftOut };
}

function simulateSource(source: FeedSource, address: VenueAddress | undefined): FeedSource[] {
  if (source.url !== undefined) return [source];
  return address === undefined ? [] : [{ ...source, url: address.ws, restUrl: address.rest }];
}
