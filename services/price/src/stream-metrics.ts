/** Every instrument of streams. */
import type { HotCounter, Telemetry } from '@weir/telemetry';

const ENDS = ['left', 'slow', 'refused', 'draining'] as const;

export interface StreamMetrics {
  readonly events: HotCounter;
  /** Why do streams end? */
  readonly ended: Readonly<Record<(typeof ENDS)[number], HotCounter>>;
}

export function createStreamMetrics(telemetry: Telemetry): StreamMetrics {
  const ended = (reason: string): HotCounter =>
    telemetry.counter('weir.price.streams_ended', {
      description: 'Streams that have ended, by why',
      unit: '{stream}',
      attributes: { reason },
    });
  return {
    events: telemetry.counter('weir.price.stream_events', {
      description: 'Prices that were sent to streams',
      unit: '{event}',
    }),
    // Each name of the list: what `fromEntries` cannot tell.
    ended: Object.fromEntries(ENDS.map((reason) => [reason, ended(reason)])) as StreamMetrics['ended'],
  };
}
