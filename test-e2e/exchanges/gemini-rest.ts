/** REST of Gemini: symbols, their details, the last price of all, one ticker; an unknown symbol is answered in plain text. */
import type { Market, Product } from './market.ts';
import type { RestAnswer } from './protocol.ts';

export function geminiRest(market: Market, url: URL): RestAnswer {
  const [version, name = '', ...path] = url.pathname.slice(1).split('/');
  const symbol = path.at(-1)?.toLowerCase() ?? '';
  const listed = [...market.products.values()].filter((product) => market.find(product.symbol) !== undefined);
  if (version === 'v1' && path.length === 0) {
    if (name === 'symbols') return ok(listed.map((product) => product.symbol));
    if (name === 'pricefeed') return ok(listed.flatMap(feedRow));
  }
  if (version === 'v1' && name === 'symbols' && path.length === 2 && path[0] === 'details') {
    const product = market.find(symbol);
    return product === undefined ? failed(400, 'InvalidSymbol', `Supplied value '${symbol}'`) : ok(detailsOf(product));
  }
  if (version === 'v1' && name === 'pubticker' && path.length === 1) return tickerOf(market.find(symbol), symbol);
  return failed(404, 'EndpointNotFound', `API entry point \`${url.pathname}\` not found`);
}

function feedRow({ symbol, last }: Product): object[] {
  return last === undefined ? [] : [{ pair: symbol.toUpperCase(), price: last.price, percentChange24h: '0.0123' }];
}

function detailsOf({ symbol, asset, quote }: Product): object {
  return {
    symbol: symbol.toUpperCase(),
    base_currency: asset,
    quote_currency: quote,
    tick_size: 1e-8,
    quote_increment: 0.01,
    min_order_size: '0.00001',
    status: 'open',
    product_type: 'spot',
  };
}

function tickerOf(product: Product | undefined, symbol: string): RestAnswer {
  const last = product?.last;
  if (product === undefined || last === undefined) {
    return { status: 404, body: `'${symbol}' does not have available data yet` };
  }
  const { bid, ask, price, timeMs } = last;
  // The window of the volume ends on a round quarter of a minute.
  const timestamp = Math.floor(timeMs / 15_000) * 15_000;
  const volume = { [product.asset]: '3.5434218', [product.quote]: '259620.278863632', timestamp };
  return ok({ bid, ask, last: price, volume });
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) };
}

function failed(status: number, reason: string, message: string): RestAnswer {
  return { status, body: JSON.stringify({ result: 'error', reason, message }) };
}
