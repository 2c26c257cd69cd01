/**
 * Gemini's market data of before, version 2 at `api.gemini.com/v2/marketdata`: archived, but it answers, and an operator
 * can point a source at it. It has no ticker: the last price comes from trades. Its book is told in changes, so nothing
 * is known of its best prices without keeping all of it, which no venue here does.
 *
 * It speaks upper case only; its symbols are told in lower case all the same, as the list of markets has them.
 */
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
import type { MarketName } from '../market-name.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';
import { marketOfFrame } from './symbols.ts';

export function askArchived(type: 'subscribe' | 'unsubscribe', symbols: readonly string[]): readonly string[] {
  const named = symbols.map((symbol) => symbol.toUpperCase());
  return [JSON.stringify({ type, subscriptions: [{ name: 'l2', symbols: named }] })];
}

export function decodeArchived(frame: string): readonly VenueEvent[] {
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return [ignoredText(frame)];
  if (fields['result'] === 'error') return [decodeError(fields)];
  switch (fields['type']) {
    case 'heartbeat':
      return [{ kind: 'heartbeat' }];
    case 'trade':
      return [decodeTrade(fields, 'trade')];
    case 'l2_updates':
      return decodeUpdates(fields);
    case undefined:
      return [ignored('no "type"')];
    default:
      return [ignored(`type ${excerpt(fields['type'])} is not used`)];
  }
}

/** The first of a symbol holds the book and the trades of before, and is the only sign that it is subscribed. */
function decodeUpdates(fields: Fields): readonly VenueEvent[] {
  const market = marketOfFrame(fields['symbol']);
  if (market === undefined) return [ignored('"l2_updates" without a readable symbol')];
  if (!Array.isArray(fields['trades'])) return [ignored('changes of the book are not used')];
  const trades = listOf(fields['trades'])
    .map(objectOf)
    .map((trade) =>
      trade === undefined
        ? ignored('a trade that is no object')
        : decodeTrade({ ...trade, ...symbolOf(fields) }, 'past-trade'),
    );
  return [{ kind: 'subscribed', symbols: [market.symbol], complete: false }, ...lastPrice(trades, market), ...trades];
}

function symbolOf(fields: Fields): Fields {
  return { symbol: fields['symbol'] };
}

/** The newest of the trades of before is the market's last one. */
function lastPrice(trades: readonly VenueEvent[], market: MarketName): readonly VenueEvent[] {
  let newest: { readonly price: string; readonly tradeTime: string; readonly tradeId?: string } | undefined;
  for (const trade of trades) {
    if (trade.kind !== 'past-trade' || trade.tradeTime === undefined) continue;
    // ISO 8601 in one form: the order of the texts is that of the times.
    if (newest !== undefined && newest.tradeTime >= trade.tradeTime) continue;
    const { price, tradeTime, tradeId } = trade;
    newest = { price, tradeTime, ...(tradeId !== undefined && { tradeId }) };
  }
  return newest === undefined ? [] : [{ kind: 'ticker', ...market, ...newest }];
}

function decodeTrade(fields: Fields, kind: 'trade' | 'past-trade'): VenueEvent {
  const market = marketOfFrame(fields['symbol']);
  if (market === undefined) return ignored('trade without a readable symbol');
  const { side } = fields;
  // Agreed upon beforehand, away from the book: no price of the market.
  if (side === 'block') return ignored('block trades are not used');
  const price = positiveDecimalOf(fields['price']);
  const size = positiveDecimalOf(fields['quantity']);
  if (price === undefined || size === undefined || (side !== 'buy' && side !== 'sell')) {
    return ignored(`trade of ${market.symbol} without price, quantity or side`);
  }
  const tradeTime = timeOfMs(fields['timestamp']);
  const tradeId = integerOf(fields['event_id']);
  return {
    kind,
    ...market,
    price,
    size,
    side,
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId: String(tradeId) }),
  };
}

/** None of the symbols is known; of some unknown ones among others it says nothing. */
function decodeError(fields: Fields): VenueEvent {
  const reason = textOf(fields['reason']) ?? 'refused without a reason';
  return isAboutConnection(reason) ? { kind: 'error', reason } : { kind: 'rejected', symbols: [], reason };
}
