/** Frames of Bybit's public socket, version 5: a `topic` with data, or the answer to an `op`; prices as texts. */
import { positiveDecimalOf } from '../decimal-text.ts';
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
import { splitJoinedSymbol, type MarketName } from '../market-name.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';
import { decodeWork } from './decode-work.ts';

/** What spot markets are quoted in; only what people read depends on it. */
const QUOTES =
  'USDT USDC USDE USD1 USDQ USDR USDTB RLUSD XUSD USD EUR GBP TRY BRL PLN AED ARS MXN KZT DAI BTC ETH SOL MNT'.split(
    ' ',
  );

export function decodeBybit(frame: string): readonly VenueEvent[] {
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return [ignoredText(frame)];
  const topic = fields['topic'];
  if (topic === undefined) return [decodeAnswer(fields)];
  const [name, depth, ...rest] = textOf(topic)?.split('.') ?? [];
  if (name === 'tickers' && rest.length === 0) return [decodeTicker(fields)];
  if (name === 'orderbook' && depth === '1') return [decodeBook(fields)];
  if (name === 'publicTrade' && rest.length === 0) return decodeEach(fields, decodeTrade);
  if (topic === 'system.status') return decodeEach(fields, decodeWork);
  return [ignored(`topic ${excerpt(topic)} is not used`)];
}

function decodeEach(fields: Fields, decode: (item: Fields) => VenueEvent): readonly VenueEvent[] {
  const items = listOf(fields['data']);
  if (items.length === 0) return [ignored(`topic ${excerpt(fields['topic'])} without data`)];
  return items.map((item) => {
    const itemFields = objectOf(item);
    return itemFields === undefined ? ignored('an item that is no object') : decode(itemFields);
  });
}

/** A ticker of spot has no book. One with a book or an index of its own is of a derivative, at another address. */
function decodeTicker(fields: Fields): VenueEvent {
  const data = objectOf(fields['data']) ?? {};
  const market = marketOf(data['symbol']);
  if (market === undefined) return ignored('ticker without a readable symbol');
  if (data['markPrice'] !== undefined || data['fundingRate'] !== undefined)
    return ignored(`ticker of the derivative ${market.symbol}`);
  const price = positiveDecimalOf(data['lastPrice']);
  if (price === undefined) return ignored(`ticker of ${market.symbol} without a last price`);
  return { kind: 'ticker', ...market, price, ...markOf(fields['ts'], fields['cs']) };
}

/**
 * The best bid and ask. Of a `delta` a side that does not occur has not changed, and is absent here all the same: a
 * decoder remembers nothing. Today's frames are snapshots, repeated every 3 s.
 */
function decodeBook(fields: Fields): VenueEvent {
  const data = objectOf(fields['data']) ?? {};
  const market = marketOf(data['s']);
  if (market === undefined) return ignored('orderbook without a readable symbol');
  const bid = bestOf(data['b']);
  const ask = bestOf(data['a']);
  const mark = markOf(fields['ts'], data['seq']);
  if (fields['type'] === 'delta') {
    // A side that is taken out and not replaced is gone, which only a book of neither side says.
    if (isTakenOut(data['b'], bid) || isTakenOut(data['a'], ask)) return { kind: 'quote', ...market, ...mark };
    if (bid === undefined && ask === undefined)
      return ignored(`change of the book of ${market.symbol} that changes nothing`);
  }
  return { kind: 'quote', ...market, ...(bid !== undefined && { bid }), ...(ask !== undefined && { ask }), ...mark };
}

const isTakenOut = (levels: unknown, best: string | undefined): boolean =>
  best === undefined && listOf(levels).some((level) => Number(listOf(level)[1]) === 0);

/** The first level that is not taken out, by a quantity of 0. */
function bestOf(levels: unknown): string | undefined {
  for (const level of listOf(levels)) {
    const [price, quantity] = listOf(level);
    if (positiveDecimalOf(quantity) !== undefined) return positiveDecimalOf(price);
  }
  return undefined;
}

/** Several in one frame. Block trades are agreed elsewhere and say nothing about the market. */
function decodeTrade(item: Fields): VenueEvent {
  const market = marketOf(item['s']);
  if (market === undefined) return ignored('trade without a readable symbol');
  if (item['BT'] === true) return ignored(`block trade of ${market.symbol}`);
  const price = positiveDecimalOf(item['p']);
  const size = positiveDecimalOf(item['v']);
  const side = item['S'] === 'Buy' ? 'buy' : item['S'] === 'Sell' ? 'sell' : undefined;
  if (price === undefined || size === undefined || side === undefined)
    return ignored(`trade of ${market.symbol} without price, size or side`);
  const tradeTime = timeOfMs(item['T']);
  const tradeId = textOf(item['i']);
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

const TOPIC_SYMBOL = /[a-zA-Z]+(?:\.\d+)?\.([A-Z0-9]{2,20})\b/g;

/** One answer per request, which its `req_id` names; the list of topics it is about is not in it. */
function decodeAnswer(fields: Fields): VenueEvent {
  const { op, success } = fields;
  if (op === undefined)
    return ignored(fields['ret_code'] === undefined ? 'neither "topic" nor "op"' : 'answer of REST');
  const reason = textOf(fields['ret_msg']) ?? 'refused without a reason';
  // The spot socket answers a ping with op "ping"; others of the venue with "pong".
  if (op === 'pong' || (op === 'ping' && success !== false)) return { kind: 'pong' };
  if (op === 'unsubscribe') return { kind: 'unsubscribed' };
  if (op !== 'subscribe') return success === false ? { kind: 'error', reason } : ignored(`answer to ${excerpt(op)}`);
  const requestId = requestIdOf(fields['req_id']);
  const id = requestId === undefined ? {} : { requestId };
  if (success === true) return { kind: 'subscribed', symbols: [], complete: false, ...id };
  const symbols = [...new Set([...reason.matchAll(TOPIC_SYMBOL)].map(([, symbol = '']) => symbol))];
  // Asked twice, it says so as an error; the subscription stands.
  if (/already subscribed/i.test(reason)) return { kind: 'subscribed', symbols, complete: false, ...id };
  if (symbols.length === 0 && isAboutConnection(reason)) return { kind: 'error', reason };
  return { kind: 'rejected', symbols, reason, ...id };
}

function requestIdOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function marketOf(symbol: unknown): MarketName | undefined {
  return splitJoinedSymbol(symbol, QUOTES);
}

/** `cs` of a ticker and `seq` of a book count the same: every event of the market. */
function markOf(time: unknown, count: unknown): { readonly venueTime?: string; readonly sequence?: number } {
  const venueTime = timeOfMs(time);
  const sequence = integerOf(count);
  return {
    ...(venueTime !== undefined && { venueTime }),
    ...(sequence !== undefined && { sequence }),
  };
}
