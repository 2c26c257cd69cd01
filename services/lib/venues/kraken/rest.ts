/** Kraken over REST: every answer has a list `error`, and a `result` keyed by the ids of AssetPairs. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { excerpt, listOf, objectOf, parseJson, textOf, textsOf, type Fields } from '../json-fields.ts';
import { splitSymbol } from '../market-name.ts';
import type { Instrument, RestAnswer, RestPrice, RestRefusal, RestResponse, VenueRest } from '../venue-rest.ts';
import { likelyRestSymbols, socketSymbol } from './names.ts';

const TICKER = '/0/public/Ticker';

export const krakenRest: VenueRest = {
  instrumentRequests: [{ path: '/0/public/AssetPairs' }],
  decodeInstruments: (response) => {
    const result = resultOf(response);
    if ('kind' in result) return result;
    return { kind: 'ok', value: Object.entries(result.value).flatMap(([id, row]) => instrumentOf(id, row)) };
  },
  // Without `pair` it answers all: one unknown pair would fail the whole batch.
  batchRequests: () => [{ path: TICKER }],
  oneRequest: (instrument) => ({ path: `${TICKER}?pair=${encodeURIComponent(restSymbols(instrument)[0])}` }),
  decodePrices,
  batchIntervalMs: 2_000,
  // Nothing is published for public calls; one per second is what has proved safe.
  quota: { points: 60, durationMs: 60_000 },
};

function decodePrices(response: RestResponse, instruments: readonly Instrument[]): RestAnswer<Iterable<RestPrice>> {
  const result = resultOf(response);
  if ('kind' in result) return result;
  const value = instruments.values().flatMap((instrument) => {
    const id = restSymbols(instrument).find((name) => Object.hasOwn(result.value, name));
    const row = id === undefined ? undefined : objectOf(result.value[id]);
    return row === undefined ? [] : priceOf(row, instrument);
  });
  return { kind: 'ok', value };
}

function restSymbols({ restSymbol, symbol }: Instrument): readonly [string, ...string[]] {
  return restSymbol === undefined ? likelyRestSymbols(symbol) : [restSymbol];
}

function resultOf(response: RestResponse): { readonly value: Fields } | RestRefusal {
  const body = objectOf(parseJson(response.body));
  // E is an error; W is a warning that comes with the answer.
  const error = textsOf(body?.['error']).find((text) => text.startsWith('E'));
  if (error !== undefined) return refusalOf(error, response.receivedMs);
  const result = objectOf(body?.['result']);
  if (response.status === 200 && result !== undefined) return { value: result };
  const reason = response.status === 200 ? 'an answer without a result' : `HTTP status ${response.status}`;
  return { kind: 'refused', reason, cause: response.status === 429 ? 'throttled' : 'failed' };
}

const THROTTLED_UNTIL = /Throttled:\s*(\d{9,11})\b/;
const THROTTLED = /Throttled|Rate limit|Too many requests|Temporary lockout/i;
const UNKNOWN = /Unknown asset pair|Invalid asset pair/i;

function refusalOf(error: string, receivedMs: number): RestRefusal {
  const reason = excerpt(error);
  if (!THROTTLED.test(error)) {
    return { kind: 'refused', reason, cause: UNKNOWN.test(error) ? 'unknown' : 'failed' };
  }
  const untilS = THROTTLED_UNTIL.exec(error)?.[1];
  if (untilS === undefined) return { kind: 'refused', reason, cause: 'throttled' };
  return {
    kind: 'refused',
    reason,
    cause: 'throttled',
    retryAfterMs: Math.max(0, Number(untilS) * 1_000 - receivedMs),
  };
}

/** Nothing is matched; limit_only and reduce_only are traded. */
const HALTED: readonly unknown[] = ['cancel_only', 'post_only', 'maintenance', 'work_in_progress'];

/** Rows of dark pools (".d") have no `wsname`. */
function instrumentOf(id: string, row: unknown): Instrument[] {
  const fields = objectOf(row);
  const wsname = textOf(fields?.['wsname']);
  const market = splitSymbol(wsname === undefined ? undefined : socketSymbol(wsname), '/');
  return market === undefined
    ? []
    : [{ ...market, restSymbol: id, ...(HALTED.includes(fields?.['status']) && { isHalted: true }) }];
}

/** `c` is the last trade, `b` and `a` the book, each with the price first. Without a time. */
function priceOf(row: Fields, { asset, quote }: Instrument): RestPrice[] {
  const price = positiveDecimalOf(listOf(row['c'])[0]);
  if (price === undefined) return [];
  return [{ asset, quote, price, ...bookOf(listOf(row['b'])[0], listOf(row['a'])[0]) }];
}
