/** REST of Bybit, category spot: instruments, tickers of all and of one; errors are codes in a body of status 200. */
import type { Market, Product, Quote } from './market.ts';
import type { RestAnswer } from './protocol.ts';

const INVALID = 10001;

export function bybitRest(market: Market, url: URL, nowMs: number): RestAnswer {
  const answer = (retCode: number, retMsg: string, result: object): RestAnswer => ({
    status: 200,
    body: JSON.stringify({ retCode, retMsg, result, retExtInfo: {}, time: nowMs }),
  });
  if (!url.pathname.startsWith('/v5/market/')) return { status: 404, body: '404 page not found' };
  if (url.searchParams.get('category') !== 'spot') return answer(INVALID, 'Illegal category', {});
  const symbol = url.searchParams.get('symbol');
  const listed = [...market.products.values()].filter((product) => market.find(product.symbol) !== undefined);
  const wanted = symbol === null ? listed : listed.filter((product) => product.symbol === symbol);
  if (symbol !== null && wanted.length === 0) return answer(INVALID, 'Not supported symbols', {});
  switch (url.pathname) {
    case '/v5/market/instruments-info':
      return answer(0, 'OK', { category: 'spot', nextPageCursor: '', list: wanted.map(instrumentRow) });
    case '/v5/market/tickers': {
      const list = wanted.flatMap((product) => (product.last === undefined ? [] : [quoteRow(product, product.last)]));
      return answer(0, 'OK', { category: 'spot', list });
    }
    default:
      return { status: 404, body: '404 page not found' };
  }
}

export function tickerRow({ symbol, open }: Product, last: Quote) {
  return {
    symbol,
    lastPrice: last.price,
    highPrice24h: open,
    lowPrice24h: open,
    prevPrice24h: open,
    volume24h: '7654.575275',
    turnover24h: '594624551.61837538',
    price24hPcnt: '-0.0127',
    usdIndexPrice: last.price,
  };
}

/** By REST a ticker has the book. */
function quoteRow(product: Product, last: Quote): object {
  const book = { bid1Price: last.bid, bid1Size: '2', ask1Price: last.ask, ask1Size: '1.8' };
  return { ...tickerRow(product, last), ...book };
}

function instrumentRow({ symbol, asset, quote, decimals }: Product): object {
  return {
    symbol,
    baseCoin: asset,
    quoteCoin: quote,
    innovation: '0',
    status: 'Trading',
    marginTrading: 'none',
    lotSizeFilter: { basePrecision: '0.0001', quotePrecision: '0.01', minOrderQty: '0.001', maxOrderQty: '100.0' },
    priceFilter: { tickSize: decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}` },
  };
}
