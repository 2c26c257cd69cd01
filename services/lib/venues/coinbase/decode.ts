/** Frames of Coinbase Exchange: one JSON object with a `type` each, prices as texts. */
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
  textsOf,
  type Fields,
} from '../json-fields.ts';
import { splitSymbol, type MarketName } from '../market-name.ts';
import type { VenueEvent } from '../venue-event.ts';
import { isAboutConnection } from '../refusal-reason.ts';
import { presentTime } from '../venue-time.ts';

export function decodeCoinbase(frame: string): VenueEvent {
  const fields = objectOf(parseJson(frame));
  if (fields === undefined) return ignoredText(frame);
  switch (fields['type']) {
    case 'ticker':
      return decodeTicker(fields);
    case 'match':
      return decodeTrade(fields, 'trade');
    case 'last_match':
      return decodeTrade(fields, 'past-trade');
    case 'heartbeat':
      return decodeHeartbeat(fields);
    case 'subscriptions':
      return decodeSubscriptions(fields);
    case 'status':
      return decodeStatus(fields);
    case 'error':
      return decodeError(fields);
    case undefined:
      // Advanced Trade names its channel instead.
      return ignored(
        fields['channel'] === undefined ? 'no "type"' : `another protocol: channel ${excerpt(fields['channel'])}`,
      );
    default:
      return ignored(`type ${excerpt(fields['type'])} is not used`);
  }
}

function decodeTicker(fields: Fields): VenueEvent {
  const market = marketOf(fields);
  if (market === undefined) return withoutMarket(fields);
  const price = positiveDecimalOf(fields['price']);
  const tradeTime = presentTime(fields['time']);
  const common = bookOf(fields['best_bid'], fields['best_ask']);
  if (price === undefined)
    return { kind: 'quote', ...market, ...common, ...(tradeTime !== undefined && { venueTime: tradeTime }) };
  const tradeId = integerOf(fields['trade_id']);
  const sequence = integerOf(fields['sequence']);
  return {
    kind: 'ticker',
    ...market,
    price,
    ...common,
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId: String(tradeId) }),
    ...(sequence !== undefined && { sequence }),
  };
}

function decodeTrade(fields: Fields, kind: 'trade' | 'past-trade'): VenueEvent {
  const market = marketOf(fields);
  if (market === undefined) return withoutMarket(fields);
  const price = positiveDecimalOf(fields['price']);
  const size = positiveDecimalOf(fields['size']);
  const makerSide = fields['side'];
  if (price === undefined || size === undefined || (makerSide !== 'buy' && makerSide !== 'sell')) {
    return ignored(`match of ${market.symbol} without price, size or side`);
  }
  const tradeTime = presentTime(fields['time']);
  const tradeId = integerOf(fields['trade_id']);
  return {
    kind,
    ...market,
    price,
    size,
    side: makerSide === 'buy' ? 'sell' : 'buy',
    ...(tradeTime !== undefined && { tradeTime }),
    ...(tradeId !== undefined && { tradeId: String(tradeId) }),
  };
}

function decodeHeartbeat(fields: Fields): VenueEvent {
  const market = marketOf(fields);
  if (market === undefined) return withoutMarket(fields);
  const lastTradeId = integerOf(fields['last_trade_id']);
  return {
    kind: 'heartbeat',
    symbol: market.symbol,
    ...(lastTradeId !== undefined && { lastTradeId: String(lastTradeId) }),
  };
}

/** Every answer lists all that is subscribed on the connection. */
function decodeSubscriptions(fields: Fields): VenueEvent {
  const channels = listOf(fields['channels']).map(objectOf);
  const ticker = channels.find((channel) => channel?.['name'] === 'ticker');
  return { kind: 'subscribed', symbols: textsOf(ticker?.['product_ids']), complete: true };
}

/** Products that are offline, or only take cancellations or resting orders, match nothing. It speaks of those it names. */
function decodeStatus(fields: Fields): VenueEvent {
  const toldSymbols: string[] = [];
  const haltedSymbols: string[] = [];
  for (const product of listOf(fields['products']).map(objectOf)) {
    const symbol = textOf(product?.['id']);
    if (product === undefined || symbol === undefined) continue;
    toldSymbols.push(symbol);
    if (!isMatching(product)) haltedSymbols.push(symbol);
  }
  if (toldSymbols.length === 0) return ignored('status without readable products');
  const message = `${toldSymbols.length - haltedSymbols.length} of ${toldSymbols.length} products online`;
  return { kind: 'status', state: 'online', message, haltedSymbols, toldSymbols };
}

/** Of a product, on the socket and in the list alike. */
export function isMatching(product: Fields): boolean {
  if ((textOf(product['status']) ?? 'online') !== 'online') return false;
  return !['cancel_only', 'post_only', 'trading_disabled'].some((flag) => product[flag] === true);
}

const PRODUCT_IN_TEXT = /\b[A-Z0-9]{1,20}-[A-Z0-9]{1,20}\b/g;

/** The reason of a refused subscription names the products, if it is about products; some are about a channel. */
function decodeError(fields: Fields): VenueEvent {
  const message = textOf(fields['message']) ?? 'error without a message';
  const detail = textOf(fields['reason']);
  const reason = detail === undefined ? message : `${message}: ${detail}`;
  const symbols = [...new Set(detail?.match(PRODUCT_IN_TEXT))];
  const isRefusal = /subscribe/i.test(message) && !(symbols.length === 0 && isAboutConnection(reason));
  return isRefusal ? { kind: 'rejected', symbols, reason } : { kind: 'error', reason };
}

function marketOf(fields: Fields): MarketName | undefined {
  return splitSymbol(fields['product_id'], '-');
}

function withoutMarket(fields: Fields): VenueEvent {
  return ignored(`${excerpt(fields['type'])} without a readable product_id`);
}
