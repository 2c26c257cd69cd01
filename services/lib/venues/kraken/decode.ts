/** Frames of Kraken v2: answers to a `method`, or a `channel` with a list of items; prices as JSON numbers. */
import { bookOf, positiveDecimalOf } from '../decimal-text.ts';
import {
  excerpt,
  ignored,
  ignoredText,
  integerOf,
  listOf,
  objectOf,
  parseJson,
  textOf,
  type Fields,
} from '../json-fields.ts';
import { splitSymbol } from '../market-name.ts';
import type { MaintenanceNotice, VenueEvent } from '../venue-event.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import { presentTime } from '../venue-time.ts';
import { parseWithNumberTexts, pickNumberTexts } from './exact-numbers.ts';

export function decodeKraken(frame: string): readonly VenueEvent[] {
  const value = parseJson(frame);
  if (Array.isArray(value)) return [decodeList(value)];
  const fields = objectOf(value);
  if (fields === undefined) return [ignoredText(frame)];
  if (fields['method'] !== undefined) return [decodeAnswer(fields)];
  switch (fields['channel']) {
    case 'heartbeat':
      return [{ kind: 'heartbeat' }];
    case 'ticker':
      return decodeTickers(frame, fields);
    case 'trade':
      return decodeTrades(frame);
    case 'status':
      return decodeItems(fields, decodeStatus);
    case undefined:
      return [decodeUnnamed(fields)];
    default:
      return [ignored(`channel ${excerpt(fields['channel'])} is not used`)];
  }
}

/** Version 1 sent lists that end with channel and pair. */
function decodeList(list: readonly unknown[]): VenueEvent {
  const channel = textOf(list.at(-2));
  return ignored(channel === undefined ? 'a JSON list' : `version 1 of the protocol: channel ${excerpt(channel)}`);
}

function decodeUnnamed(fields: Fields): VenueEvent {
  const error = textOf(fields['error']);
  if (error !== undefined) return { kind: 'error', reason: error };
  if (fields['event'] !== undefined) return ignored(`version 1 of the protocol: event ${excerpt(fields['event'])}`);
  return ignored('neither "method" nor "channel"');
}

function decodeItems(fields: Fields, decode: (item: Fields) => VenueEvent): readonly VenueEvent[] {
  const items = listOf(fields['data']);
  if (items.length === 0) return [ignored(`channel ${excerpt(fields['channel'])} without data`)];
  return items.map((item) => {
    const itemFields = objectOf(item);
    return itemFields === undefined ? ignored('an item that is no object') : decode(itemFields);
  });
}

/** Nearly every ticker frame holds one item, whose numbers can be picked. */
function decodeTickers(frame: string, fields: Fields): readonly VenueEvent[] {
  const items = listOf(fields['data']);
  const only = items.length === 1 ? objectOf(items[0]) : undefined;
  const picked = only && pickNumberTexts(frame, only, ['bid', 'ask', 'last']);
  return picked === undefined ? decodeItems(parseWithNumberTexts(frame), decodeTicker) : [decodeTicker(picked)];
}

function decodeTicker(item: Fields): VenueEvent {
  const market = splitSymbol(item['symbol'], '/');
  if (market === undefined) return ignored('ticker without a readable symbol');
  const price = positiveDecimalOf(item['last']);
  const venueTime = presentTime(item['timestamp']);
  const common = {
    ...bookOf(item['bid'], item['ask']),
    ...(venueTime !== undefined && { venueTime }),
  };
  if (price === undefined) return { kind: 'quote', ...market, ...common };
  return { kind: 'ticker', ...market, price, ...common };
}

function decodeTrades(frame: string): readonly VenueEvent[] {
  const fields = parseWithNumberTexts(frame);
  const kind = fields['type'] === 'snapshot' ? 'past-trade' : 'trade';
  return decodeItems(fields, (item) => {
    const market = splitSymbol(item['symbol'], '/');
    if (market === undefined) return ignored('trade without a readable symbol');
    const price = positiveDecimalOf(item['price']);
    const size = positiveDecimalOf(item['qty']);
    const side = item['side'];
    if (price === undefined || size === undefined || (side !== 'buy' && side !== 'sell')) {
      return ignored(`trade of ${market.symbol} without price, quantity or side`);
    }
    const tradeTime = presentTime(item['timestamp']);
    const tradeId = textOf(item['trade_id']);
    return {
      kind,
      ...market,
      price,
      size,
      side,
      ...(tradeTime !== undefined && { tradeTime }),
      ...(tradeId !== undefined && { tradeId }),
    };
  });
}

/** One answer per symbol. */
function decodeAnswer(fields: Fields): VenueEvent {
  const { method } = fields;
  if (method === 'pong') return { kind: 'pong' };
  if (method === 'unsubscribe') return { kind: 'unsubscribed' };
  if (method !== 'subscribe') return ignored(`answer to ${excerpt(method)} is not used`);
  const requestId = integerOf(fields['req_id']);
  const id = requestId === undefined ? {} : { requestId };
  const result = objectOf(fields['result']);
  const reason = textOf(fields['error']);
  const symbol = textOf(fields['symbol']) ?? textOf(result?.['symbol']);
  // Asked twice, it says so as an error; the subscription stands.
  const isSubscribed = reason === undefined ? fields['success'] === true : /already subscribed/i.test(reason);
  if (!isSubscribed) return decodeRefusal(symbol, reason ?? 'refused without a reason', id);
  const channel = result?.['channel'] ?? 'ticker';
  if (channel !== 'ticker') return ignored(`answer for channel ${excerpt(channel)} is not used`);
  return { kind: 'subscribed', symbols: symbol === undefined ? [] : [symbol], complete: false, ...id };
}

const SYMBOL_IN_TEXT = /\b[A-Za-z0-9.]{1,20}\/[A-Za-z0-9.]{1,20}\b/g;

function decodeRefusal(symbol: string | undefined, reason: string, id: { readonly requestId?: number }): VenueEvent {
  const symbols = symbol === undefined ? [...new Set(reason.match(SYMBOL_IN_TEXT))] : [symbol];
  if (symbols.length === 0 && isAboutConnection(reason)) return { kind: 'error', reason };
  return { kind: 'rejected', symbols, reason, ...id };
}

/** In every state but "online" nothing is matched. */
function decodeStatus(item: Fields): VenueEvent {
  const system = textOf(item['system']);
  if (system === undefined) return ignored('status without the state of the system');
  const maintenance = [
    ...listOf(item['upcoming_maintenance']).map((notice) => decodeNotice(notice, false)),
    ...listOf(item['emergency']).map((notice) => decodeNotice(notice, true)),
  ];
  return { kind: 'status', state: system === 'online' ? 'online' : 'halted', message: `system ${system}`, maintenance };
}

function decodeNotice(notice: unknown, isEmergency: boolean): MaintenanceNotice {
  const fields = objectOf(notice);
  const startsAt = presentTime(fields?.['expected_start_utc']);
  const endsAt = presentTime(fields?.['expected_end_utc']);
  const fallback = isEmergency ? 'emergency' : 'maintenance';
  return {
    title: textOf(fields?.['title']) ?? textOf(notice) ?? fallback,
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    isEmergency,
    ...(isAboutSockets(fields?.['affected_services']) && { endsConnections: true }),
  };
}

/** Work of which nobody knows what it affects may as well end the connection. */
function isAboutSockets(services: unknown): boolean {
  return !Array.isArray(services) || services.includes('spot_ws');
}
