/** What becomes of prices that have to be fetched. */
import type { HotCounter, Telemetry } from '@weir/telemetry';

export interface FetchMetrics {
  readonly fetched: HotCounter;
  /** Another process was at it. */
  readonly waited: HotCounter;
  /** No venue has the pair. */
  readonly unknown: HotCounter;
  /** Venues that have it could not be asked, or did not answer. */
  readonly failed: HotCounter;
  /** As many were under way as may be. */
  readonly busy: HotCounter;
}

export function createFetchMetrics(telemetry: Telemetry, onDemandPairs: () => number): FetchMetrics {
  const outcome = (name: string): HotCounter =>
    telemetry.counter('weir.price.fetches', {
      description: 'Prices that had to be fetched, by what became of it',
      unit: '{price}',
      attributes: { outcome: name },
    });
  telemetry.gauge(
    'weir.price.on_demand_pairs',
    { description: 'Pairs in memory that no feed keeps', unit: '{pair}' },
    onDemandPairs,
  );
  return {
    fetched: outcome('fetched'),
    waited: outcome('waited'),
    unknown: outcome('unknown'),
    failed: outcome('failed'),
    busy: outcome('busy'),
  };
}
