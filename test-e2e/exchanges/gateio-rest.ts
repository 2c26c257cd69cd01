/** REST of Gate, version 4: pairs, tickers of all or of one; an error has a label. */
import type { Market, Product, Quote } from './market.ts';
import type { RestAnswer } from './protocol.ts';

const PREFIX = '/api/v4/spot/';

export function gateioRest(market: Market, url: URL): RestAnswer {
  const listed = [...market.products.values()].filter(({ symbol }) => market.find(symbol) !== undefined);
  switch (url.pathname) {
    case `${PREFIX}currency_pairs`:
      return ok(listed.map(pairOf));
    case `${PREFIX}tickers`: {
      const wanted = url.searchParams.get('currency_pair');
      if (wanted === null) return ok(listed.map(({ symbol, last, open }) => tickerBody(symbol, last, open)));
      const product = market.find(wanted);
      if (product !== undefined) return ok([tickerBody(wanted, product.last, product.open)]);
      return failed(400, 'INVALID_CURRENCY_PAIR', `Invalid currency pair ${wanted}`);
    }
    default:
      return failed(404, 'NOT_FOUND', 'Not found');
  }
}

/** Of the socket too. */
export function tickerBody(symbol: string, last: Quote | undefined, open: string): object {
  return {
    currency_pair: symbol,
    last: last?.price ?? '',
    lowest_ask: last?.ask ?? '',
    highest_bid: last?.bid ?? '',
    change_percentage: '0.2899',
    base_volume: '8059.288476',
    quote_volume: '942042493.4857494',
    high_24h: open,
    low_24h: open,
  };
}

function pairOf({ symbol, asset, quote, decimals }: Product): object {
  return {
    id: symbol,
    base: asset,
    quote,
    fee: '0.2',
    min_quote_amount: '1',
    amount_precision: 3,
    precision: decimals,
    trade_status: 'tradable',
    sell_start: 0,
    buy_start: 0,
  };
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) };
}

function failed(status: number, label: string, message: string): RestAnswer {
  return { status, body: JSON.stringify({ label, message }) };
}
