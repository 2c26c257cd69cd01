/**
 * A venue's REST interface as texts: what to ask for, and what the answers mean. No HTTP here: whoever sends the requests
 * keeps the venue's limits (`@weir/upstream`).
 */

/** A GET below the venue's REST address. */
export interface RestRequest {
  /** With the query, from the first slash. */
  readonly path: string;
  /** What the call takes from the venue's quota; absent: 1. */
  readonly points?: number;
}

/** A market as the venue itself lists it. */
export interface Instrument {
  /** Upper case and in everybody's spelling: BTC, not XBT. */
  readonly asset: string;
  readonly quote: string;
  /** The socket's spelling. */
  readonly symbol: string;
  /** Name in REST answers and requests where it is another one. */
  readonly restSymbol?: string;
  /** The list says that nothing is matched in it for now; absent where it trades, or the list does not say. */
  readonly isHalted?: true;
}

export interface RestPrice {
  readonly asset: string;
  readonly quote: string;
  /** Of the last trade. */
  readonly price: string;
  readonly bid?: string;
  readonly ask?: string;
  /** When it was traded, ISO 8601; absent where the answer does not say. */
  readonly tradeTime?: string;
}

/** Why an answer holds nothing. */
export interface RestRefusal {
  readonly kind: 'refused';
  /** The venue's words, short. */
  readonly reason: string;
  /** throttled: come back later. unknown: there is no such market. failed: anything else, worth another try. */
  readonly cause: 'throttled' | 'unknown' | 'failed';
  readonly retryAfterMs?: number;
}

export interface RestResult<T> {
  readonly kind: 'ok';
  readonly value: T;
}

export type RestAnswer<T> = RestResult<T> | RestRefusal;

/** What came back. */
export interface RestResponse {
  readonly status: number;
  readonly body: string;
  /** As sent; absent: the header was not there. */
  readonly retryAfter?: string;
  /** Wall time of the arrival: some refusals name an instant. */
  readonly receivedMs: number;
}

/** Decoders never throw and make nothing up: an unreadable answer is `failed`, an unreadable row is left out. */
export interface VenueRest {
  /** All must succeed; their lists are joined. */
  readonly instrumentRequests: readonly RestRequest[];
  /** Markets that stand still for a while are listed, those that are gone or not open yet are not. */
  decodeInstruments(response: RestResponse): RestAnswer<readonly Instrument[]>;
  /** Requests that together hold the last prices of all these markets; most venues need one. */
  batchRequests(instruments: readonly Instrument[]): readonly RestRequest[];
  oneRequest(instrument: Instrument): RestRequest;
  /**
   * Of a batch or of one; `instruments` are the markets asked for, others in the answer are left out. May be walked through
   * once, and each price is read when its turn comes: ten thousand at a time would hold up everything else.
   */
  decodePrices(response: RestResponse, instruments: readonly Instrument[]): RestAnswer<Iterable<RestPrice>>;
  /** Pause between two batches while REST stands in for the socket. */
  readonly batchIntervalMs: number;
  /** What the venue allows, if a PriceFeed names no quota. */
  readonly quota: { readonly points: number; readonly durationMs: number };
}
