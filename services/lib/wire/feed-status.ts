/** What an active feed says of itself every second under `feed:status:<ns>/<name>`. */

/**
 * The same list as `status.sources[].state` of the PriceFeed, so that any state can be shown there. `quiet`: asked for a
 * sign of life. `stale`: it gives them, and nothing confirms most of its prices.
 */
export const SOURCE_STATES = ['connecting', 'ok', 'quiet', 'stale', 'halted', 'down'] as const;
export type SourceState = (typeof SOURCE_STATES)[number];

export interface FeedSourceStatus {
  readonly name: string;
  readonly exchange: string;
  readonly state: SourceState;
  /** CamelCase cause of the state, e.g. "Live", "ConnectFailed", "VenueMaintenance". */
  readonly reason: string;
  /** One sentence for people; empty when the reason says it all. */
  readonly message: string;
  readonly lastTransitionTime: string;
  /** Assets whose symbol the venue refused, with its words; the first hundred. */
  readonly quarantined: readonly { readonly asset: string; readonly symbol: string; readonly reason: string }[];
  /** All of them. */
  readonly quarantinedCount: number;
}

export interface FeedStatus {
  readonly feed: string;
  /** Pod (or process) that publishes. */
  readonly active: string;
  readonly lease: string;
  readonly appliedSeq: number;
  readonly assets: { readonly total: number; readonly fresh: number };
  readonly sources: readonly FeedSourceStatus[];
  readonly updatedAt: string;
}
