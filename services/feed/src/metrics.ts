/** Every instrument of the feed, grouped by the question it answers. All carry the feed's name: one process may run several. */
import type { GaugePoint, HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';

export interface FeedGauges {
  /** Whether this instance publishes. */
  readonly isActive: () => boolean;
  readonly assets: () => { readonly total: number; readonly fresh: number };
  readonly sources: () => readonly { readonly name: string; readonly state: string }[];
}

export interface FeedMetrics {
  // What do the venues say?
  readonly quotes: HotCounter;
  readonly quotesIgnored: HotCounter;
  // What reaches the readers, and how soon?
  readonly recordsStored: HotCounter;
  readonly recordsRefused: HotCounter;
  readonly batches: HotCounter;
  readonly frameToPublication: HotHistogram;
  readonly roundsFailed: HotCounter;
  // Who publishes?
  readonly leasesTaken: HotCounter;
  readonly leasesLost: HotCounter;
}

const LATENCY_BOUNDARIES_MS = [1, 2, 5, 10, 20, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000];

export function createFeedMetrics(telemetry: Telemetry, feed: string): FeedMetrics {
  const attributes = { feed };
  const counter = (name: string, description: string): HotCounter =>
    telemetry.counter(name, { description, attributes });
  return {
    quotes: counter('weir.feed.quotes', 'Prices and confirmations taken from sources'),
    quotesIgnored: counter('weir.feed.quotes.ignored', 'Those that were not positive, not newer, or not asked for'),
    recordsStored: counter('weir.feed.records.stored', 'Price records written to Valkey'),
    recordsRefused: counter(
      'weir.feed.records.refused',
      'Writes refused because a record with a greater seq was there',
    ),
    batches: counter('weir.feed.batches', 'Batches sent on price:updates, heartbeats included'),
    frameToPublication: telemetry.histogram('weir.feed.frame_to_publication', {
      description: 'From the arrival of a frame that changed a price to its batch being sent',
      unit: 'ms',
      boundaries: LATENCY_BOUNDARIES_MS,
      attributes,
    }),
    roundsFailed: counter('weir.feed.rounds.failed', 'Publishing rounds that Valkey did not take whole'),
    leasesTaken: counter('weir.feed.leases.taken', 'Times this instance became the publishing one'),
    leasesLost: counter('weir.feed.leases.lost', 'Times it ceased to be, stops included'),
  };
}

export function registerFeedGauges(telemetry: Telemetry, feed: string, read: FeedGauges): void {
  const gauge = (name: string, description: string, value: () => number): void =>
    telemetry.gauge(name, { description }, () => [{ value: value(), attributes: { feed } }]);
  gauge('weir.feed.active', '1 while this instance publishes', () => Number(read.isActive()));
  gauge('weir.feed.assets', 'Assets of the feed', () => read.assets().total);
  gauge('weir.feed.assets.fresh', 'Assets whose price was confirmed within the fresh time', () => read.assets().fresh);
  telemetry.gauge('weir.feed.source.state', { description: '1 for the state a source is in' }, () =>
    read.sources().map(({ name, state }): GaugePoint => ({ value: 1, attributes: { feed, source: name, state } })),
  );
}
