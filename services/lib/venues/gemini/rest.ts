/** Gemini's REST interface: a list of symbols, the last price of all of them, and one market with its book. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { decodeRows, excerpt, objectOf, parseJson, textOf, textsOf, type Fields } from '../json-fields.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';
import { marketsOfList } from './symbols.ts';

export const geminiRest: VenueRest = {
  instrumentRequests: [{ path: '/v1/symbols' }],
  decodeInstruments: (response) => {
    const body = parseJson(response.body);
    if (response.status !== 200 || !Array.isArray(body)) return refusalOf(response, body);
    return { kind: 'ok', value: marketsOfList(textsOf(body)) };
  },
  batchRequests: () => [{ path: '/v1/pricefeed' }],
  oneRequest: ({ symbol }) => ({ path: `/v1/pubticker/${encodeURIComponent(symbol)}` }),
  decodePrices: (response, instruments) => {
    const body = parseJson(response.body);
    if (response.status !== 200) return refusalOf(response, body);
    if (Array.isArray(body)) return { kind: 'ok', value: decodeFeed(body, instruments) };
    const ticker = objectOf(body);
    // A single ticker does not say of what it is: it can only be of the one that was asked for.
    const [only, ...others] = instruments;
    if (ticker === undefined || only === undefined || others.length > 0) return refusalOf(response, body);
    return decodeTicker(ticker, only);
  },
  batchIntervalMs: 3_000,
  // Published: 120 a minute and address, better no more than one a second.
  quota: { points: 60, durationMs: 60_000 },
};

/** Of all markets, perpetual futures among them; without book and without times. */
function decodeFeed(rows: readonly unknown[], instruments: readonly Instrument[]): Iterable<RestPrice> {
  const wanted = new Map(instruments.map((instrument) => [instrument.symbol.toUpperCase(), instrument]));
  return decodeRows(rows, (fields) => {
    const market = wanted.get((textOf(fields['pair']) ?? '').toUpperCase());
    const price = positiveDecimalOf(fields['price']);
    return market === undefined || price === undefined
      ? undefined
      : { asset: market.asset, quote: market.quote, price };
  });
}

/** Its only time is the end of the window of the volume, which no trade needs to have made. */
function decodeTicker(fields: Fields, { asset, quote }: Instrument): RestAnswer<readonly RestPrice[]> {
  const price = positiveDecimalOf(fields['last']);
  if (price === undefined) return { kind: 'ok', value: [] };
  return { kind: 'ok', value: [{ asset, quote, price, ...bookOf(fields['bid'], fields['ask']) }] };
}

/** Of an unknown symbol it says in plain text, with status 404, that there is no data yet. */
function refusalOf({ status, body }: RestResponse, parsed: unknown): RestRefusal {
  const fields = objectOf(parsed);
  const words = textOf(fields?.['reason']) ?? textOf(fields?.['message']) ?? (body.trim() === '' ? undefined : body);
  const reason = `HTTP status ${status}${words === undefined ? '' : `: ${excerpt(words)}`}`;
  if (status === 429) return { kind: 'refused', reason, cause: 'throttled' };
  // A path that is not there says so in JSON, and is no word about the symbol.
  const isUnknown = status === 404 && textOf(fields?.['reason']) !== 'EndpointNotFound';
  return { kind: 'refused', reason, cause: isUnknown ? 'unknown' : 'failed' };
}
