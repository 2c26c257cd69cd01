/** REST of Coinbase Exchange: products, one product's ticker, the stats of all; `{"message":"NotFound"}` for the rest. */
import type { Market, Product } from './market.ts';
import type { RestAnswer } from './protocol.ts';

const NOT_FOUND: RestAnswer = { status: 404, body: '{"message":"NotFound"}' };

export function coinbaseRest(market: Market, url: URL): RestAnswer {
  const [root, id = '', leaf, ...deeper] = url.pathname.slice(1).split('/');
  if (root !== 'products' || deeper.length > 0) return NOT_FOUND;
  if (id === '') return ok([...market.products.values()].map((product) => productBody(market, product)));
  if (id === 'stats' && leaf === undefined) return ok(statsBody(market));
  const product = market.find(id);
  if (product === undefined) return NOT_FOUND;
  if (leaf === undefined) return ok(productBody(market, product));
  if (leaf !== 'ticker' || product.last === undefined) return NOT_FOUND;
  const { ask, bid, tradeId, price, size, time } = product.last;
  return ok({ ask, bid, volume: '1207.50668151', trade_id: tradeId, price, size, time, rfq_volume: '7.669923' });
}

export function productBody(market: Market, product: Product): object {
  const { system, upcoming } = market.maintenance;
  const increment = product.decimals === 0 ? '1' : `0.${'1'.padStart(product.decimals, '0')}`;
  return {
    id: product.symbol,
    base_currency: product.asset,
    quote_currency: product.quote,
    quote_increment: increment,
    base_increment: '0.00000001',
    display_name: product.symbol,
    min_market_funds: '1',
    margin_enabled: false,
    post_only: system === 'post_only',
    limit_only: false,
    cancel_only: system === 'cancel_only',
    status: system === 'maintenance' ? 'offline' : 'online',
    status_message: system === 'online' ? '' : (upcoming?.title ?? 'maintenance'),
    trading_disabled: system === 'maintenance',
    fx_stablecoin: false,
    auction_mode: false,
  };
}

/** What says whether a product is traded, without what goes without saying. */
export function shortProductBody(market: Market, { symbol }: Product): object {
  const { system } = market.maintenance;
  return {
    id: symbol,
    status: system === 'maintenance' ? 'offline' : 'online',
    ...(system === 'post_only' && { post_only: true }),
    ...(system === 'cancel_only' && { cancel_only: true }),
  };
}

function statsBody(market: Market): object {
  const traded = [...market.products.values()].filter(({ last }) => last !== undefined);
  return Object.fromEntries(
    traded.map(({ symbol, open, last }) => {
      const price = last?.price ?? open;
      const [low, high] = parseFloat(price) < parseFloat(open) ? [price, open] : [open, price];
      const stats = { open, high, low, volume: '1836.96781750', last: price };
      return [symbol, { stats_30day: { volume: '175984.53012145' }, stats_24hour: stats }];
    }),
  );
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) };
}
