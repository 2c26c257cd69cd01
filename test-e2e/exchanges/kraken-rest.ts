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
  const names = namesOf(market);
  const symbols = wanted === null ? market.products.keys() : wanted.split(',').map((name) => names.get(name));
  const entries: [string, object][] = [];
  for (const symbol of symbols) {
    const product = symbol === undefined ? undefined : market.find(symbol);
    if (product === undefined && wanted === null) continue;
    if (product === undefined) return failed('EQuery:Unknown asset pair');
    const value = body(product);
    if (value !== undefined) entries.push([krakenNames(product.asset, product.quote).id, value]);
  }
  return ok(Object.fromEntries(entries));
}

const NAMES = new WeakMap<Market, ReadonlyMap<string, string>>();

/** The symbol behind every name of every pair; what a market lists never changes. */
function namesOf(market: Market): ReadonlyMap<string, string> {
  const known = NAMES.get(market);
  if (known !== undefined) return known;
  const names = new Map<string, string>();
  for (const { symbol, asset, quote } of market.products.values()) {
    const { id, altname, wsname } = krakenNames(asset, quote);
    for (const name of [id, altname, wsname, symbol]) names.set(name, symbol);
  }
  NAMES.set(market, names);
  return names;
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
