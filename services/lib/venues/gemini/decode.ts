/**
 * Frames of `wss://ws.gemini.com`: answers with the `id` of their request, and data that is told apart by its fields,
 * since only some of it has an `e`: a best bid and offer has `B`, a trade has `t`.
 */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import {
  excerpt,
  ignored,
  ignoredText,
  integerOf,
  objectOf,
  parseJson,
  textOf,
  textsOf,
  type Fields,
} from '../json-fields.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';
import { PING_ID, symbolsWithStreams, symbolOfStream, UNSUBSCRIBE_ID } from './streams.ts';
import { marketOfFrame } from './symbols.ts';

export function decodeGemini(frame: string): VenueEvent {
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return ignoredText(frame);
  if (fields['status'] !== undefined) return decodeAnswer(fields);
  // Of depth, of prediction contracts, of perpetual futures.
  if (fields['e'] !== undefined) return ignored(`event ${excerpt(fields['e'])} is not used`);
  if (fields['type'] !== undefined) return ignored(`the archived protocol: type ${excerpt(fields['type'])}`);
  if (fields['s'] === undefined) return ignored('neither an answer nor data of a symbol');
  return fields['t'] === undefined ? decodeBook(fields) : decodeTrade(fields);
}

/** Padded prices; a side without orders is "" or zero; nothing but the symbol is legal, and means that nothing is there. */
function decodeBook(fields: Fields): VenueEvent {
  const market = marketOfFrame(fields['s']);
  if (market === undefined) return ignored('data without a readable symbol');
  const price = positiveDecimalOf(fields['c']);
  const venueTime = timeOfNs(fields['E']);
  const sequence = integerOf(fields['u']);
  const common = {
    ...bookOf(fields['b'], fields['a']),
    ...(venueTime !== undefined && { venueTime }),
    ...(sequence !== undefined && { sequence }),
  };
  return price === undefined
    ? { kind: 'quote', ...market, ...common }
    : { kind: 'ticker', ...market, price, ...common };
}

function decodeTrade(fields: Fields): VenueEvent {
  const market = marketOfFrame(fields['s']);
  if (market === undefined) return ignored('trade without a readable symbol');
  const price = positiveDecimalOf(fields['p']);
  const size = positiveDecimalOf(fields['q']);
  const isBuyerMaker = fields['m'];
  if (price === undefined || size === undefined || typeof isBuyerMaker !== 'boolean') {
    return ignored(`trade of ${market.symbol} without price, quantity or side`);
  }
  const tradeTime = timeOfNs(fields['E']);
  const tradeId = integerOf(fields['t']);
  return {
    kind: 'trade',
    ...market,
    price,
    size,
    side: isBuyerMaker ? 'sell' : 'buy',
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId: String(tradeId) }),
  };
}

/** To a ping, to a list of subscriptions, or to a subscription, whose answer names nothing. */
function decodeAnswer(fields: Fields): VenueEvent {
  const { id, status } = fields;
  if (typeof id === 'string' && id.startsWith(UNSUBSCRIBE_ID)) return { kind: 'unsubscribed' };
  const requestId = requestIdOf(id);
  const error = objectOf(fields['error']);
  if (status !== 200 || error !== undefined) return decodeError(error, requestId);
  if (Array.isArray(fields['result'])) {
    return { kind: 'subscribed', symbols: symbolsWithStreams(textsOf(fields['result'])), complete: true };
  }
  if (typeof id === 'string' && id.startsWith(PING_ID)) return { kind: 'pong' };
  if (requestId === undefined) return ignored(`answer to ${excerpt(id)} is not used`);
  return { kind: 'subscribed', symbols: [], complete: false, requestId };
}

const INVALID_STREAM = -1013;
const STREAM_IN_TEXT = /\b[a-z0-9]{1,40}@[A-Za-z]{1,20}/gi;

/** One bad stream refuses the whole frame. The text names it; where it does not, the request is all that is known. */
function decodeError(error: Fields | undefined, requestId: number | undefined): VenueEvent {
  const code = integerOf(error?.['code']);
  const text = textOf(error?.['msg']) ?? 'refused without a reason';
  const reason = code === undefined ? text : `${text} (${code})`;
  const named = [...new Set((text.match(STREAM_IN_TEXT) ?? []).map(symbolOfStream))];
  const isRefusal = code === INVALID_STREAM && (named.length > 0 || requestId !== undefined);
  if (!isRefusal || (named.length === 0 && isAboutConnection(text))) return { kind: 'error', reason };
  return { kind: 'rejected', symbols: named, reason, ...(requestId !== undefined && { requestId }) };
}

/** Pings and lists have texts for ids, so that their answers are none to a subscription. */
function requestIdOf(id: unknown): number | undefined {
  if (typeof id !== 'string') return integerOf(id);
  return /^\d{1,15}$/.test(id) ? Number(id) : undefined;
}

/** A JSON number above 2^53: the parser keeps it to ±128 ns, which is nothing to a millisecond. */
function timeOfNs(value: unknown): string | undefined {
  return typeof value === 'number' ? timeOfMs(Math.floor(value / 1_000_000)) : undefined;
}
