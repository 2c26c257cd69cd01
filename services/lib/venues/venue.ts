/** What a connector must know of a venue: how it speaks, how patient to be, how often to knock. */
import type { VenueEvent } from './venue-event.ts';

export interface VenueTiming {
  /** Without any frame for this long the venue is asked for a sign of life. */
  readonly pingAfterMs: number;
  /** Without any frame for this long the connection counts as dead. */
  readonly deadAfterMs: number;
  /** From a subscribe frame to its answer. */
  readonly ackMs: number;
  /** From the opening to the first data or heartbeat. */
  readonly firstDataMs: number;
  /** Heartbeats alone for this long mean a frozen stream; absent: the heartbeat itself would show it. */
  readonly dataSilenceMs?: number;
}

export interface VenueLimits {
  readonly symbolsPerFrame: number;
  readonly connectsPerSecond: number;
  readonly connectBurst: number;
}

/**
 * How one knows that an unchanged price is still current.
 *
 * trade-id-heartbeat: a heartbeat per market names its newest trade; if that is the ticker's, the price stands.
 * connection-heartbeat: the venue pushes every change, and any frame shows that it would have.
 */
export type ProofOfLife = 'trade-id-heartbeat' | 'connection-heartbeat';

export interface Venue {
  /** As in a PriceFeed's `exchange`. */
  readonly id: string;
  readonly title: string;
  readonly defaultUrl: string;
  readonly defaultRestUrl: string;
  readonly timing: VenueTiming;
  readonly limits: VenueLimits;
  readonly proofOfLife: ProofOfLife;
  symbolOf(asset: string, quote: string): string;
  /** Never throws and never answers an empty list; a frame of N items gives N events. */
  decode(frame: string): readonly VenueEvent[];
  /** `symbols` are at most `limits.symbolsPerFrame`. */
  subscribeFrames(symbols: readonly string[], requestId: number): readonly string[];
  /** Absent: the WebSocket's own ping is the one to use. */
  pingFrame?(requestId: number): string;
}
