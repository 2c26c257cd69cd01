/** REST of Kraken: Ticker (keyed by id), AssetPairs, SystemStatus; errors are texts in a body of status 200. */
import { krakenNames } from './kraken-names.ts';
import type { Market, Product } from './market.ts';
import type { RestAnswer } from './protocol.ts';

const PREFIX = '/0/public/';

export function krakenRest(market: Market, url: URL, nowMs: number): RestAnswer {
  const wanted = url.searchParams.get('pair');
  switch (url.pathname) {
    case `${PREFIX}Ticker`:
      return answer(market, wanted, (product) => product.last && tickerBody(product));
    case `${PREFIX}AssetPairs`:
      return answer(market, wanted, pairBody);
    case `${PREFIX}SystemStatus`: {
      const timestamp = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
      return ok({ status: market.maintenance.system, timestamp });
    }
    default:
      return failed('EGeneral:Unknown method');
  }
}

/** No `pair` asks for all; one unknown pair fails the whole batch. */
function answer(market: Market, wanted: string | null, body: (product: Product) => object | undefined): RestAnswer {
  const listed = [...market.products.values()].filter(({ symbol }) => market.find(symbol) !== undefined);
  const products = wanted === null ? listed : wanted.split(',').map((name) => findByName(listed, name));
  const entries: [string, object][] = [];
  for (const product of products) {
    if (product === undefined) return failed('EQuery:Unknown asset pair');
    const value = body(product);
    if (value !== undefined) entries.push([krakenNames(product.asset, product.quote).id, value]);
  }
  return ok(Object.fromEntries(entries));
}

function findByName(products: readonly Product[], name: string): Product | undefined {
  return products.find((product) => {
    const { id, altname, wsname } = krakenNames(product.asset, product.quote);
    return name === id || name === altname || name === wsname || name === product.symbol;
  });
}

function tickerBody({ last, open }: Product): object {
  const { price = open, bid = open, ask = open, size = '0' } = last ?? {};
  return {
    a: [ask, '1', '1.000'],
    b: [bid, '1', '1.000'],
    c: [price, size],
    v: ['5866.14264484', '6251.33408493'],
    p: [open, open],
    t: [56819, 62596],
    l: [open, open],
    h: [open, open],
    o: open,
  };
}

function pairBody(product: Product): object {
  const { altname, wsname, base, quote } = krakenNames(product.asset, product.quote);
  return {
    altname,
    wsname,
    aclass_base: 'currency',
    base,
    aclass_quote: 'currency',
    quote,
    lot: 'unit',
    cost_decimals: 5,
    pair_decimals: product.decimals,
    lot_decimals: 8,
    lot_multiplier: 1,
    ordermin: '0.00005',
    costmin: '0.5',
    tick_size: product.decimals === 0 ? '1' : `0.${'1'.padStart(product.decimals, '0')}`,
    status: 'online',
  };
}

function ok(result: object): RestAnswer {
  return { status: 200, body: JSON.stringify({ error: [], result }) };
}

function failed(error: string): RestAnswer {
  return { status: 200, body: JSON.stringify({ error: [error] }) };
}
