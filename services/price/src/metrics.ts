/** Every instrument of `price`, grouped by the question it answers. Names follow docs/observability.md. */
import type { HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';

export interface PriceMetrics {
  // What is asked, and how does it end?
  readonly answered: HotCounter;
  readonly refused4xx: HotCounter;
  readonly refused5xx: HotCounter;
  // Which tier answers? Named as in cluster:stats.
  readonly syncmapHits: HotCounter;
  readonly elasticacheHits: HotCounter;
  readonly cacheMisses: HotCounter;
  /** A venue was asked, and has said it. */
  readonly venueReads: HotCounter;
  // How old are the prices that are served?
  readonly ageSeconds: HotHistogram;
  // What do limits and policies decide?
  readonly admitted: HotCounter;
  readonly rateLimited: HotCounter;
  readonly limiterUnavailable: HotCounter;
  readonly dryRunRefusals: HotCounter;
  // Do price updates arrive?
  readonly updateDelay: HotHistogram;
  readonly gaps: HotCounter;
  readonly unreadableBatches: HotCounter;
}

/** Fine around 100 ms, which is what is promised. */
const UPDATE_DELAY_BOUNDARIES_MS = [
  1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 125, 150, 200, 250, 500, 1_000, 2_500, 5_000,
];
const AGE_BOUNDARIES_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300];

export function createPriceMetrics(telemetry: Telemetry): PriceMetrics {
  const responses = (status: string): HotCounter =>
    telemetry.counter('weir.price.responses', {
      description: 'Answers of the price API by class of status',
      unit: '{response}',
      attributes: { status },
    });
  const reads = (tier: string): HotCounter =>
    telemetry.counter('weir.price.reads', {
      description: 'Prices read by the tier that had them',
      unit: '{price}',
      attributes: { tier },
    });
  const decisions = (outcome: string): HotCounter =>
    telemetry.counter('weir.price.decisions', {
      description: 'Calls by what limit and policy decided',
      unit: '{call}',
      attributes: { outcome },
    });
  return {
    answered: responses('2xx'),
    refused4xx: responses('4xx'),
    refused5xx: responses('5xx'),
    syncmapHits: reads('memory'),
    elasticacheHits: reads('valkey'),
    cacheMisses: reads('none'),
    venueReads: reads('venue'),
    ageSeconds: telemetry.histogram('weir.price.age', {
      description: 'Age of served prices',
      unit: 's',
      boundaries: AGE_BOUNDARIES_SECONDS,
    }),
    admitted: decisions('admitted'),
    rateLimited: decisions('rate_limited'),
    limiterUnavailable: decisions('unavailable'),
    dryRunRefusals: decisions('dry_run_refused'),
    updateDelay: telemetry.histogram('weir.price.update_delay', {
      description: 'From the arrival of a venue’s frame at a feed to the price being in the memory of this process',
      unit: 'ms',
      boundaries: UPDATE_DELAY_BOUNDARIES_MS,
    }),
    gaps: telemetry.counter('weir.price.update_gaps', {
      description: 'Times that batches of price updates were missing',
      unit: '{gap}',
    }),
    unreadableBatches: telemetry.counter('weir.price.updates_unreadable', {
      description: 'Messages on price:updates that are no batch',
      unit: '{message}',
    }),
  };
}
