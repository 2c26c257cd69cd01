/** Gate's REST interface, version 4: lists of pairs and of tickers; an error is a `label` with a message. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { decodeRows, excerpt, objectOf, parseJson, textOf, type Fields } from '../json-fields.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';

export const gateioRest: VenueRest = {
  instrumentRequests: [{ path: '/spot/currency_pairs' }],
  decodeInstruments: (response) => decodeList(response, (rows) => [...decodeRows(rows, instrumentOf)]),
  batchRequests: () => [{ path: '/spot/tickers' }],
  oneRequest: ({ symbol }) => ({ path: `/spot/tickers?currency_pair=${encodeURIComponent(symbol)}` }),
  decodePrices: (response, instruments) => {
    const wanted = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
    return decodeList(response, (rows) => decodeRows(rows, (row) => priceOf(row, wanted)));
  },
  batchIntervalMs: 2_000,
  // Published: 200 per 10 s, address and path. Half of it leaves room for a neighbour.
  quota: { points: 100, durationMs: 10_000 },
};

function decodeList<T>(response: RestResponse, decode: (rows: readonly unknown[]) => T): RestAnswer<T> {
  const body = parseJson(response.body);
  if (response.status !== 200 || !Array.isArray(body)) return refusalOf(response.status, objectOf(body));
  return { kind: 'ok', value: decode(body) };
}

function refusalOf(status: number, body: Fields | undefined): RestRefusal {
  const label = textOf(body?.['label']);
  const words = label === undefined ? '' : `: ${excerpt(`${label} ${textOf(body?.['message']) ?? ''}`.trim())}`;
  const reason = status === 200 && label === undefined ? 'an answer that is no list' : `HTTP status ${status}${words}`;
  if (status === 429 || label === 'TOO_MANY_REQUESTS') return { kind: 'refused', reason, cause: 'throttled' };
  const isUnknown = label === 'INVALID_CURRENCY_PAIR' || label === 'INVALID_CURRENCY';
  return { kind: 'refused', reason, cause: isUnknown ? 'unknown' : 'failed' };
}

/**
 * A pair may also be open to buyers or sellers alone for a while; it has prices all the same. One that is open to nobody
 * stands still if the venue says that it is not to be taken off, and is gone otherwise.
 */
function instrumentOf(row: Fields): Instrument | undefined {
  const symbol = textOf(row['id']);
  const asset = textOf(row['base'])?.toUpperCase();
  const quote = textOf(row['quote'])?.toUpperCase();
  if (symbol === undefined || asset === undefined || quote === undefined) return undefined;
  const isHalted = row['trade_status'] === 'untradable';
  const isGone = isHalted && row['delisting_time'] !== 0;
  return isGone ? undefined : { asset, quote, symbol, ...(isHalted && { isHalted }) };
}

/** Without a time. */
function priceOf(row: Fields, wanted: ReadonlyMap<string, Instrument>): RestPrice | undefined {
  const market = wanted.get(textOf(row['currency_pair']) ?? '');
  const price = positiveDecimalOf(row['last']);
  if (market === undefined || price === undefined) return undefined;
  return { asset: market.asset, quote: market.quote, price, ...bookOf(row['highest_bid'], row['lowest_ask']) };
}
