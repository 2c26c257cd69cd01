/** Frames of OKX version 5: bare "pong", an `event`, or an `arg` that names a channel with its data; prices as texts. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import { excerpt, ignored, ignoredText, listOf, objectOf, parseJson, textOf, type Fields } from '../json-fields.ts';
import { splitSymbol } from '../market-name.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';
import { decodeWork } from './decode-work.ts';

export function decodeOkx(frame: string): readonly VenueEvent[] {
  // No JSON, and the most frequent frame of a quiet market.
  if (frame === 'pong') return [{ kind: 'pong' }];
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return [ignoredText(frame)];
  if (fields['event'] !== undefined) return [decodeEvent(fields)];
  const arg = objectOf(fields['arg']);
  if (arg === undefined)
    return [ignored(fields['code'] === undefined ? 'neither "event" nor "arg"' : 'answer of REST')];
  switch (arg['channel']) {
    case 'tickers':
      return decodeEach(fields, arg, decodeTicker);
    case 'trades':
      return decodeEach(fields, arg, decodeTrade);
    case 'status':
      return decodeEach(fields, arg, decodeWork);
    default:
      return [ignored(`channel ${excerpt(arg['channel'])} is not used`)];
  }
}

function decodeEach(fields: Fields, arg: Fields, decode: (item: Fields) => VenueEvent): readonly VenueEvent[] {
  const items = listOf(fields['data']);
  if (items.length === 0) return [ignored(`channel ${excerpt(arg['channel'])} without data`)];
  return items.map((item) => {
    const itemFields = objectOf(item);
    return itemFields === undefined ? ignored('an item that is no object') : decode(itemFields);
  });
}

const SERVICE_UPGRADE = '64008';
/** Wrong channel or instrument. Others are about the request, the pace or the account. */
const WRONG_ARGUMENT = '60018';

function decodeEvent(fields: Fields): VenueEvent {
  const { event } = fields;
  const arg = objectOf(fields['arg']);
  switch (event) {
    case 'subscribe': {
      const symbol = textOf(arg?.['instId']);
      if (arg?.['channel'] !== 'tickers' || symbol === undefined)
        return ignored(`answer for channel ${excerpt(arg?.['channel'])} is not used`);
      return { kind: 'subscribed', symbols: [symbol], complete: false };
    }
    case 'unsubscribe':
      return { kind: 'unsubscribed' };
    case 'error':
      return decodeError(fields);
    case 'notice': {
      const reason = textOf(fields['msg']) ?? 'notice without a message';
      return fields['code'] === SERVICE_UPGRADE ? { kind: 'drain', reason } : ignored(`notice ${excerpt(reason)}`);
    }
    default:
      return ignored(`event ${excerpt(event)} is not used`);
  }
}

const INSTRUMENT = /instId:\s*"?([A-Za-z0-9-]{3,40})/g;

/** The words of an error name the instrument that it is about: "channel:tickers,instId:NOPE-USDT doesn't exist". */
function decodeError(fields: Fields): VenueEvent {
  const words = textOf(fields['msg']) ?? 'error without a message';
  const code = textOf(fields['code']);
  const reason = code === undefined ? words : `${code}: ${words}`;
  if (code !== WRONG_ARGUMENT) return { kind: 'error', reason };
  const symbols = [...new Set([...words.matchAll(INSTRUMENT)].map(([, symbol = '']) => symbol))];
  // What names no instrument is about the status channel, or the address.
  return symbols.length === 0 ? { kind: 'error', reason } : { kind: 'rejected', symbols, reason };
}

/** Of options and futures too: a market is what was asked for. */
function decodeTicker(item: Fields): VenueEvent {
  const market = splitSymbol(item['instId'], '-');
  if (market === undefined) return ignored('ticker of something else than a spot market');
  const price = positiveDecimalOf(item['last']);
  const venueTime = timeOfMs(item['ts']);
  const common = {
    ...bookOf(item['bidPx'], item['askPx']),
    ...(venueTime !== undefined && { venueTime }),
  };
  if (price === undefined) return { kind: 'quote', ...market, ...common };
  return { kind: 'ticker', ...market, price, ...common };
}

/** The first one after a subscription can be old; its time says so. */
function decodeTrade(item: Fields): VenueEvent {
  const market = splitSymbol(item['instId'], '-');
  if (market === undefined) return ignored('trade of something else than a spot market');
  const price = positiveDecimalOf(item['px']);
  const size = positiveDecimalOf(item['sz']);
  const { side } = item;
  if (price === undefined || size === undefined || (side !== 'buy' && side !== 'sell'))
    return ignored(`trade of ${market.symbol} without price, size or side`);
  const tradeTime = timeOfMs(item['ts']);
  const tradeId = textOf(item['tradeId']);
  return {
    kind: 'trade',
    ...market,
    price,
    size,
    side,
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId }),
  };
}
