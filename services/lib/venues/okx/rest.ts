/** OKX's REST interface: every answer has a `code`, "0" when it holds what was asked for. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { decodeRows, excerpt, objectOf, parseJson, textOf, type Fields } from '../json-fields.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';

export const okxRest: VenueRest = {
  instrumentRequests: [{ path: '/api/v5/public/instruments?instType=SPOT' }],
  decodeInstruments: (response) => decodeList(response, (rows) => [...decodeRows(rows, instrumentOf)]),
  batchRequests: () => [{ path: '/api/v5/market/tickers?instType=SPOT' }],
  oneRequest: ({ symbol }) => ({ path: `/api/v5/market/ticker?instId=${encodeURIComponent(symbol)}` }),
  decodePrices: (response, instruments) => {
    const wanted = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
    return decodeList(response, (rows) => decodeRows(rows, (row) => priceOf(row, wanted)));
  },
  batchIntervalMs: 2_000,
  // Published: 20 requests per 2 s, address and path. Half of it leaves room for a neighbour.
  quota: { points: 10, durationMs: 2_000 },
};

function decodeList<T>(response: RestResponse, decode: (rows: readonly unknown[]) => T): RestAnswer<T> {
  const body = objectOf(parseJson(response.body));
  const code = textOf(body?.['code']);
  if (response.status !== 200 || code !== '0') return refusalOf(response.status, code, body);
  const rows = body?.['data'];
  if (!Array.isArray(rows)) return { kind: 'refused', reason: 'an answer without data', cause: 'failed' };
  return { kind: 'ok', value: decode(rows) };
}

const TOO_MANY_REQUESTS = '50011';
const UNKNOWN_INSTRUMENT = '51001';

function refusalOf(status: number, code: string | undefined, body: Fields | undefined): RestRefusal {
  const words = textOf(body?.['msg']);
  const reason = `${code === undefined ? `HTTP status ${status}` : `code ${excerpt(code)}`}${words === undefined ? '' : `: ${excerpt(words)}`}`;
  // Status 200 and 429 both occur with the code.
  if (code === TOO_MANY_REQUESTS || status === 429) return { kind: 'refused', reason, cause: 'throttled' };
  return { kind: 'refused', reason, cause: code === UNKNOWN_INSTRUMENT ? 'unknown' : 'failed' };
}

/** Before it opens, and for trial. `suspend` is a standstill, which ends. */
const NOT_LISTED: readonly unknown[] = ['preopen', 'test', undefined];

function instrumentOf(row: Fields): Instrument | undefined {
  const symbol = textOf(row['instId']);
  const asset = textOf(row['baseCcy'])?.toUpperCase();
  const quote = textOf(row['quoteCcy'])?.toUpperCase();
  const isListed = row['instType'] === 'SPOT' && !NOT_LISTED.includes(row['state']);
  if (symbol === undefined || asset === undefined || quote === undefined || !isListed) return undefined;
  return { asset, quote, symbol, ...(row['state'] !== 'live' && { isHalted: true }) };
}

function priceOf(row: Fields, wanted: ReadonlyMap<string, Instrument>): RestPrice | undefined {
  const market = wanted.get(textOf(row['instId']) ?? '');
  const price = positiveDecimalOf(row['last']);
  if (market === undefined || price === undefined) return undefined;
  return {
    asset: market.asset,
    quote: market.quote,
    price,
    ...bookOf(row['bidPx'], row['askPx']),
  };
}
