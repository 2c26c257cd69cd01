/** Every instrument of the feed, grouped by the question it answers. All carry the feed's name: one process may run several. */
import { formatDecimal } from '@weir/wire';
import type { BookOverview, Rejection } from './keep-quotes.ts';
import type { GaugePoint, HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';

export interface FeedGauges {
  /** Whether this instance publishes. */
  readonly isActive: () => boolean;
  readonly assets: () => { readonly total: number; readonly fresh: number };
  readonly sources: () => readonly { readonly name: string; readonly state: string }[];
  readonly prices: () => BookOverview;
  readonly clockSkews: () => readonly { readonly venue: string; readonly skewMs: number }[];
}

export interface FeedMetrics {
  // What do the venues say?
  readonly quotes: HotCounter;
  readonly quotesIgnored: HotCounter;
  readonly rejected: Readonly<Record<Rejection, HotCounter>>;
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

const REJECTIONS: readonly Rejection[] = ['crossed', 'old-trade', 'contradicted', 'jump', 'hold', 'outlier', 'depeg'];
const LATENCY_BOUNDARIES_MS = [1, 2, 5, 10, 20, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000];

export function createFeedMetrics(telemetry: Telemetry, feed: string): FeedMetrics {
  const attributes = { feed };
  const counter = (name: string, description: string): HotCounter =>
    telemetry.counter(name, { description, attributes });
  return {
    quotes: counter('weir.feed.quotes', 'Prices and confirmations taken from sources'),
    quotesIgnored: counter('weir.feed.quotes.ignored', 'Those that were worth nothing, not newer, or not asked for'),
    rejected: Object.fromEntries(
      REJECTIONS.map((why) => [
        why,
        telemetry.counter('weir.feed.rejections', {
          description: 'What sources said and a price was not made of, each time it was looked at',
          attributes: { feed, why },
        }),
      ]),
    ) as Record<Rejection, HotCounter>,
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
  gauge(
    'weir.feed.assets.fresh',
    'Assets whose price was confirmed within the fresh time; of a large feed, when it was looked at last, up to 2 s before',
    () => read.assets().fresh,
  );
  telemetry.gauge('weir.feed.source.state', { description: '1 for the state a source is in' }, () =>
    read.sources().map(({ name, state }): GaugePoint => ({ value: 1, attributes: { feed, source: name, state } })),
  );
  registerPriceGauges(telemetry, feed, read);
}

/** How much is behind the prices, without a series for each of them. */
function registerPriceGauges(telemetry: Telemetry, feed: string, { prices, clockSkews }: FeedGauges): void {
  telemetry.gauge(
    'weir.feed.assets.by_sources',
    { description: 'Assets by the number of sources behind their price' },
    () =>
      [...prices().bySources].map(([count, value]): GaugePoint => ({
        value,
        attributes: { feed, sources: String(count) },
      })),
  );
  telemetry.gauge(
    'weir.feed.assets.depegged',
    { description: 'Assets that leave out sources in USDT, or have no price for want of its rate' },
    () => [{ value: prices().depegged, attributes: { feed } }],
  );
  telemetry.gauge(
    'weir.feed.usdt_rate',
    { description: 'US dollars for one USDT, while prices are converted by it' },
    () => {
      const { usdtRate } = prices();
      return usdtRate === undefined ? [] : [{ value: Number(formatDecimal(usdtRate)), attributes: { feed } }];
    },
  );
  telemetry.gauge(
    'weir.feed.venue_skew',
    {
      description: "Least time from a frame's venue time to its arrival in 5 minutes; below zero the venue is ahead",
      unit: 'ms',
    },
    () => clockSkews().map(({ venue, skewMs }): GaugePoint => ({ value: skewMs, attributes: { feed, venue } })),
  );
}
