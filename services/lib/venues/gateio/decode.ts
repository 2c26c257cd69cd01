/** Frames of Gate's spot socket, version 4: a `channel`, an `event`, and a `result`; prices as texts. */
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
import { splitSymbol } from '../market-name.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';

export function decodeGateio(frame: string): VenueEvent {
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return ignoredText(frame);
  const { channel, event } = fields;
  if (channel === 'spot.pong') return { kind: 'pong' };
  if (channel === undefined) return decodeUnnamed(fields);
  if (event === 'unsubscribe') return { kind: 'unsubscribed' };
  if (event === 'subscribe' || objectOf(fields['error']) !== undefined) return decodeAnswer(fields);
  if (event !== 'update') return ignored(`event ${excerpt(event)} of channel ${excerpt(channel)} is not used`);
  const result = objectOf(fields['result']) ?? {};
  switch (channel) {
    case 'spot.tickers':
      return decodeTicker(result, timeOfFrame(fields));
    case 'spot.book_ticker':
      return decodeBook(result);
    case 'spot.trades':
      return decodeTrade(result);
    default:
      return ignored(`channel ${excerpt(channel)} is not used`);
  }
}

/** Version 3 named a `method`, and some versions of it answer a request without any name. */
function decodeUnnamed(fields: Fields): VenueEvent {
  if (fields['method'] !== undefined) return ignored(`version 3 of the protocol: method ${excerpt(fields['method'])}`);
  return ignored('no "channel"');
}

/** The last price may lie outside of the bid and ask beside it: it is told as it is. A ticker has no time of its own. */
function decodeTicker(result: Fields, venueTime: string | undefined): VenueEvent {
  const market = splitSymbol(result['currency_pair'], '_');
  if (market === undefined) return ignored('ticker without a readable currency_pair');
  const price = positiveDecimalOf(result['last']);
  const common = {
    ...bookOf(result['highest_bid'], result['lowest_ask']),
    ...(venueTime !== undefined && { venueTime }),
  };
  return price === undefined
    ? { kind: 'quote', ...market, ...common }
    : { kind: 'ticker', ...market, price, ...common };
}

function decodeBook(result: Fields): VenueEvent {
  const market = splitSymbol(result['s'], '_');
  if (market === undefined) return ignored('book ticker without a readable pair');
  const venueTime = timeOfMs(result['t']);
  const sequence = integerOf(result['u']);
  return {
    kind: 'quote',
    ...market,
    ...bookOf(result['b'], result['a']),
    ...(venueTime !== undefined && { venueTime }),
    ...(sequence !== undefined && { sequence }),
  };
}

function decodeTrade(result: Fields): VenueEvent {
  const market = splitSymbol(result['currency_pair'], '_');
  if (market === undefined) return ignored('trade without a readable currency_pair');
  const price = positiveDecimalOf(result['price']);
  const size = positiveDecimalOf(result['amount']);
  const { side } = result;
  if (price === undefined || size === undefined || (side !== 'buy' && side !== 'sell')) {
    return ignored(`trade of ${market.symbol} without price, amount or side`);
  }
  const tradeTime = timeOfFraction(result['create_time_ms']) ?? timeOfSeconds(result['create_time']);
  const tradeId = integerOf(result['id']);
  return {
    kind: 'trade',
    ...market,
    price,
    size,
    side,
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId: String(tradeId) }),
  };
}

/** To a subscription: `error` is absent or null when it is granted, and the payload is repeated today. */
function decodeAnswer(fields: Fields): VenueEvent {
  const channel = excerpt(fields['channel']);
  const requestId = integerOf(fields['id']);
  const id = requestId === undefined ? {} : { requestId };
  const payload = textsOf(fields['payload']);
  const error = objectOf(fields['error']);
  if (error !== undefined) return decodeError(error, payload, requestId);
  if (objectOf(fields['result'])?.['status'] === 'fail')
    return { kind: 'rejected', symbols: [], reason: 'fail', ...id };
  // The request itself says which pairs it was about, where the answer does not.
  if (fields['channel'] === 'spot.tickers') return { kind: 'subscribed', symbols: payload, complete: false, ...id };
  return ignored(`answer for channel ${channel} is not used`);
}

/** Argument errors are about a pair; the others about the frame, the server or the key. */
const INVALID_ARGUMENT = 2;
const PAIR_IN_TEXT = /\b[A-Za-z0-9]{1,20}_[A-Za-z0-9]{1,20}\b/g;

/**
 * The message names the pair. Where it does not, a frame of one pair can only mean that one, and of several the request
 * is all that is known: pairs that are none of the request's are not to be blamed.
 */
function decodeError(error: Fields, payload: readonly string[], requestId: number | undefined): VenueEvent {
  const code = integerOf(error['code']);
  const text = textOf(error['message']) ?? 'refused without a reason';
  const reason = code === undefined ? text : `${text} (${code})`;
  if (code !== INVALID_ARGUMENT) return { kind: 'error', reason };
  const named = [...new Set(text.match(PAIR_IN_TEXT))].filter((pair) => payload.length === 0 || payload.includes(pair));
  const symbols = named.length === 0 && payload.length === 1 ? payload : named;
  if (symbols.length === 0 && isAboutConnection(text)) return { kind: 'error', reason };
  return { kind: 'rejected', symbols, reason, ...(requestId !== undefined && { requestId }) };
}

/** Frames of before 2022 have whole seconds only. */
function timeOfFrame(fields: Fields): string | undefined {
  return timeOfMs(fields['time_ms']) ?? timeOfSeconds(fields['time']);
}

function timeOfSeconds(value: unknown): string | undefined {
  const seconds = integerOf(value);
  return seconds === undefined ? undefined : timeOfMs(seconds * 1_000);
}

/** "1682689046123.0". */
function timeOfFraction(value: unknown): string | undefined {
  return timeOfMs(typeof value === 'string' ? value.replace(/\.\d{0,9}$/, '') : value);
}
