/** Bybit's REST interface: every answer has a `retCode`, 0 when it holds what was asked for. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { decodeRows, excerpt, integerOf, objectOf, parseJson, textOf, type Fields } from '../json-fields.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';

const TICKERS = '/v5/market/tickers?category=spot';

export const bybitRest: VenueRest = {
  // Spot is not paged: all markets come at once.
  instrumentRequests: [{ path: '/v5/market/instruments-info?category=spot' }],
  decodeInstruments: (response) => decodeList(response, (rows) => [...decodeRows(rows, instrumentOf)]),
  batchRequests: () => [{ path: TICKERS }],
  oneRequest: ({ symbol }) => ({ path: `${TICKERS}&symbol=${encodeURIComponent(symbol)}` }),
  decodePrices: (response, instruments) => {
    const wanted = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
    return decodeList(response, (rows) => decodeRows(rows, (row) => priceOf(row, wanted)));
  },
  batchIntervalMs: 2_000,
  // Published: 600 requests per 5 s and address. Half of it leaves room for a neighbour.
  quota: { points: 300, durationMs: 5_000 },
};

function decodeList<T>(response: RestResponse, decode: (rows: readonly unknown[]) => T): RestAnswer<T> {
  const body = objectOf(parseJson(response.body));
  const code = integerOf(body?.['retCode']);
  if (response.status !== 200 || code !== 0) return refusalOf(response.status, code, body);
  const rows = objectOf(body?.['result'])?.['list'];
  if (!Array.isArray(rows)) return { kind: 'refused', reason: 'an answer without a list', cause: 'failed' };
  return { kind: 'ok', value: decode(rows) };
}

const TOO_MANY_VISITS = 10006;
const INVALID_PARAMETER = 10001;
/** An address that asks too often is shut out for 10 minutes. */
const BAN_MS = 600_000;

function refusalOf(status: number, code: number | undefined, body: Fields | undefined): RestRefusal {
  const words = textOf(body?.['retMsg']);
  const reason = `${code === undefined ? `HTTP status ${status}` : `retCode ${code}`}${words === undefined ? '' : `: ${excerpt(words)}`}`;
  if (code === TOO_MANY_VISITS || status === 429) return { kind: 'refused', reason, cause: 'throttled' };
  if (status === 403) return { kind: 'refused', reason, cause: 'throttled', retryAfterMs: BAN_MS };
  const isUnknown = code === INVALID_PARAMETER && /symbol/i.test(words ?? '');
  return { kind: 'refused', reason, cause: isUnknown ? 'unknown' : 'failed' };
}

/** Before it opens, and for good. Any other market may stand still for a while. */
const NOT_LISTED: readonly unknown[] = ['PreLaunch', 'Closed', undefined];

function instrumentOf(row: Fields): Instrument | undefined {
  const symbol = textOf(row['symbol']);
  const asset = textOf(row['baseCoin'])?.toUpperCase();
  const quote = textOf(row['quoteCoin'])?.toUpperCase();
  if (symbol === undefined || asset === undefined || quote === undefined) return undefined;
  if (NOT_LISTED.includes(row['status'])) return undefined;
  return { asset, quote, symbol, ...(row['status'] !== 'Trading' && { isHalted: true }) };
}

/** The `time` of the answer is that of the answer, not of the trade. */
function priceOf(row: Fields, wanted: ReadonlyMap<string, Instrument>): RestPrice | undefined {
  const market = wanted.get(textOf(row['symbol']) ?? '');
  const price = positiveDecimalOf(row['lastPrice']);
  if (market === undefined || price === undefined) return undefined;
  return { asset: market.asset, quote: market.quote, price, ...bookOf(row['bid1Price'], row['ask1Price']) };
}
