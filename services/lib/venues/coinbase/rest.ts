/** Coinbase Exchange over REST: products, the stats of all in one call, the ticker of one; an error is a `message`. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { excerpt, objectOf, parseJson, textOf, type Fields } from '../json-fields.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';
import { presentTime } from '../venue-time.ts';
import { isMatching } from './decode.ts';

export const coinbaseRest: VenueRest = {
  instrumentRequests: [{ path: '/products' }],
  decodeInstruments: (response) => {
    const body = parseJson(response.body);
    if (response.status !== 200 || !Array.isArray(body)) return refusalOf(response.status, objectOf(body));
    return { kind: 'ok', value: body.flatMap(instrumentOf) };
  },
  // Not in the documentation, but several clients live on it.
  batchRequests: () => [{ path: '/products/stats' }],
  oneRequest: ({ symbol }) => ({ path: `/products/${encodeURIComponent(symbol)}/ticker` }),
  decodePrices,
  batchIntervalMs: 2_000,
  // Published: 10 per second and address, bursts of 15.
  quota: { points: 10, durationMs: 1_000 },
};

function decodePrices(response: RestResponse, instruments: readonly Instrument[]): RestAnswer<Iterable<RestPrice>> {
  const body = objectOf(parseJson(response.body));
  if (response.status !== 200 || body === undefined) return refusalOf(response.status, body);
  const [only] = instruments;
  // A ticker does not say whose it is; stats are told apart by their products' names, which all hold a hyphen.
  if ('price' in body) {
    const price = instruments.length === 1 && only !== undefined ? tickerPrice(body, only) : undefined;
    if (price !== undefined) return { kind: 'ok', value: [price] };
    return { kind: 'refused', reason: 'a ticker without a price', cause: 'failed' };
  }
  return { kind: 'ok', value: instruments.values().flatMap((instrument) => statsPrice(body, instrument)) };
}

function refusalOf(status: number, body: Fields | undefined): RestRefusal {
  const message = textOf(body?.['message']);
  const words = message === undefined ? '' : `: ${excerpt(message)}`;
  const reason = status === 200 ? `an answer of another form${words}` : `HTTP status ${status}${words}`;
  if (status === 429) return { kind: 'refused', reason, cause: 'throttled' };
  const isUnknown = status === 404 && message?.toLowerCase().replaceAll(' ', '') === 'notfound';
  return { kind: 'refused', reason, cause: isUnknown ? 'unknown' : 'failed' };
}

/** Those that stand still for a while are online or offline, and keep their prices. */
const NOT_LISTED: readonly unknown[] = ['delisted', 'internal', undefined];

function instrumentOf(row: unknown): Instrument[] {
  const fields = objectOf(row);
  const symbol = textOf(fields?.['id']);
  const asset = textOf(fields?.['base_currency'])?.toUpperCase();
  const quote = textOf(fields?.['quote_currency'])?.toUpperCase();
  if (fields === undefined || symbol === undefined || asset === undefined || quote === undefined) return [];
  if (NOT_LISTED.includes(fields['status'])) return [];
  return [{ asset, quote, symbol, ...(!isMatching(fields) && { isHalted: true }) }];
}

function tickerPrice(body: Fields, { asset, quote }: Instrument): RestPrice | undefined {
  const price = positiveDecimalOf(body['price']);
  if (price === undefined) return undefined;
  const tradeTime = presentTime(body['time']);
  return {
    asset,
    quote,
    price,
    ...bookOf(body['bid'], body['ask']),
    ...(tradeTime !== undefined && { tradeTime }),
  };
}

/** Without book and time. */
function statsPrice(body: Fields, { asset, quote, symbol }: Instrument): RestPrice[] {
  if (!Object.hasOwn(body, symbol)) return [];
  const day = objectOf(objectOf(body[symbol])?.['stats_24hour']);
  const price = positiveDecimalOf(day?.['last']);
  return price === undefined ? [] : [{ asset, quote, price }];
}
