/** What a connector must know of a venue: how it speaks, how patient to be, how often to knock. */
import type { VenueEvent } from './venue-event.ts';
import type { VenueRest } from './venue-rest.ts';

export interface VenueTiming {
  /** Without any frame for this long the venue is asked for a sign of life. */
  readonly pingAfterMs: number;
  /** A sign of life is asked for this often, whatever comes; absent: only after silence. */
  readonly pingEveryMs?: number;
  /** Without any frame for this long the connection counts as dead. */
  readonly deadAfterMs: number;
  /** From a subscribe frame to its answer. */
  readonly ackMs: number;
  /** From the opening to the first data or heartbeat. */
  readonly firstDataMs: number;
  /**
   * Heartbeats alone for this long mean a frozen stream, of many markets a shorter time; absent: heartbeats or repeated
   * books show it market by market.
   */
  readonly dataSilenceMs?: number;
}

export interface VenueLimits {
  readonly symbolsPerFrame: number;
  readonly connectsPerSecond: number;
  readonly connectBurst: number;
  /** Requests to subscribe or unsubscribe that a connection may send in an hour; absent: nothing is known of a limit. */
  readonly requestsPerHour?: number;
  /** More are spread over several connections; absent: one takes any number. */
  readonly symbolsPerConnection?: number;
}

/**
 * How one knows that an unchanged price is still current.
 *
 * trade-id-heartbeat: a heartbeat per market names its newest trade; if that is the ticker's, the price stands.
 * connection-heartbeat: the venue pushes every change, and any frame shows that it would have.
 * symbol-repeat: the venue repeats the book of every market, changed or not.
 */
export type ProofOfLife = 'trade-id-heartbeat' | 'connection-heartbeat' | 'symbol-repeat';

/**
 * What the venue's dollar markets are settled in. A feed in USD takes BTC-USDT from a USDT venue and converts it by the
 * USDT-USD markets of USD venues.
 */
export type Settlement = 'USD' | 'USDT';

/** A socket on which a venue tells of announced work and of its state, and of no price. */
export interface StatusSocket {
  /** At the host of the socket of prices; `undefined`: that address has none. */
  urlOf(url: string): string | undefined;
  /** Answered as a subscription is. */
  subscribeFrame(requestId: number): string;
}

export interface Venue {
  /** As in a PriceFeed's `exchange`. */
  readonly id: string;
  readonly title: string;
  readonly defaultUrl: string;
  readonly defaultRestUrl: string;
  readonly timing: VenueTiming;
  readonly limits: VenueLimits;
  readonly proofOfLife: ProofOfLife;
  readonly settlement: Settlement;
  readonly rest: VenueRest;
  /** Absent: the socket of prices tells it, or nobody. */
  readonly statusSocket?: StatusSocket;
  /** How the venue is spoken to at an address of another protocol of its own, such as an archived one. */
  at?(url: string): Venue | undefined;
  /** Never throws and never answers an empty list; a frame of N items gives N events. */
  decode(frame: string): readonly VenueEvent[];
  /** `symbols` are at most `limits.symbolsPerFrame`; some venues refuse a request whose time is far off. */
  subscribeFrames(symbols: readonly string[], requestId: number, wallMs: number): readonly string[];
  /** Of as many symbols; the answer is an `unsubscribed` event or a `subscribed` one that is complete. */
  unsubscribeFrames(symbols: readonly string[], requestId: number, wallMs: number): readonly string[];
  /** Absent: the WebSocket's own ping is the one to use. */
  pingFrame?(requestId: number, wallMs: number): string;
  /** Asks what is subscribed; the answer is a `subscribed` event that is complete. */
  listFrame?(requestId: number): string;
}
