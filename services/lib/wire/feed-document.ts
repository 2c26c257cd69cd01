/** The compiled form of a PriceFeed: field `<ns>/<name>` of the hash `feeds`. Durations are ms, money is micro-dollars. */
import type { Freshness } from './price-record.ts';

export interface FeedSource {
  readonly name: string;
  /** Id of the venue, e.g. "coinbase". */
  readonly exchange: string;
  /** WebSocket address; absent: the venue's own. */
  readonly url?: string;
  /** REST address; absent: the venue's own. */
  readonly restUrl?: string;
  /** Venue symbol by asset, where it is not what the venue's own list says. */
  readonly symbols?: Readonly<Record<string, string>>;
  readonly prewarm?: { readonly intervalMs: number };
  readonly quota?: { readonly points: number; readonly durationMs: number; readonly window: 'Smooth' | 'Fixed' };
}

export interface FeedDocument {
  /** `<namespace>/<name>`. */
  readonly feed: string;
  readonly suspend: boolean;
  readonly assets: readonly string[];
  readonly quote: string;
  readonly sources: readonly FeedSource[];
  readonly aggregation: {
    readonly method: 'Median' | 'Priority';
    readonly minSources: number;
    readonly maxDeviationBps: number;
  };
  readonly freshness: Freshness;
  readonly publish: { readonly intervalMs: number; readonly heartbeatMs: number };
  readonly fallback: { readonly enabled: boolean };
}
