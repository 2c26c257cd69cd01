/** The connector's instruments, by venue. What do the venues send, and how often are they lost? */
import type { HotCounter, Telemetry } from '@weir/telemetry';
import type { VenueEvent } from '@weir/venues';
import type { FailureReason } from './machine-state.ts';

export interface ConnectorMetrics {
  /** A frame of several items counts each. */
  event(kind: VenueEvent['kind']): void;
  dropped(why: 'older' | 'unasked' | 'duplicate'): void;
  readonly timesAhead: HotCounter;
  /** That ended in a fault of our own. */
  readonly framesFailed: HotCounter;
  readonly connects: HotCounter;
  lost(reason: FailureReason): void;
  drained(outcome: 'handed-over' | 'given-up'): void;
}

export function createConnectorMetrics(telemetry: Pick<Telemetry, 'counter'>, venue: string): ConnectorMetrics {
  const counters = new Map<string, HotCounter>();
  const counter = (name: string, description: string, attributes: Record<string, string>): HotCounter =>
    telemetry.counter(name, { description, attributes: { venue, ...attributes } });
  /** One look-up in a map per event, and an instrument only for what occurs. */
  const by = (name: string, description: string, key: string, value: string): HotCounter => {
    let found = counters.get(name + value);
    if (found === undefined) {
      found = counter(name, description, { [key]: value });
      counters.set(name + value, found);
    }
    return found;
  };
  return {
    event: (kind) => by('weir.feed.venue_events', 'What the frames of a venue meant', 'kind', kind).add(),
    dropped: (why) =>
      by(
        'weir.feed.tickers_dropped',
        'Tickers, books and trades that were older than known, known from another connection, or not asked for',
        'why',
        why,
      ).add(),
    timesAhead: counter(
      'weir.feed.venue_times_ahead',
      'Times of a venue that were over 2 s ahead of ours, and not used',
      {},
    ),
    framesFailed: counter('weir.feed.frames_failed', 'Frames that were lost to a fault of ours', {}),
    connects: counter('weir.feed.connects', 'Connections attempted', {}),
    lost: (reason) => by('weir.feed.connections_lost', 'Connections that ended or never began', 'reason', reason).add(),
    drained: (outcome) =>
      by('weir.feed.drains', 'Second connections asked for before the first one ended', 'outcome', outcome).add(),
  };
}
