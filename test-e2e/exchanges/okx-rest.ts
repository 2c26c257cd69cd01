/** REST of OKX: instruments, tickers of all and of one; errors are codes in a body of status 200. */
import type { Market, Product, Quote } from './market.ts';
import type { RestAnswer } from './protocol.ts';

export function okxRest(market: Market, url: URL): RestAnswer {
  const instType = url.searchParams.get('instType');
  const listed = [...market.products.values()].filter(({ symbol }) => market.find(symbol) !== undefined);
  const traded = listed.flatMap((product) => (product.last === undefined ? [] : [tickerRow(product, product.last)]));
  switch (url.pathname) {
    case '/api/v5/public/instruments':
      return instType === 'SPOT' ? ok(listed.map(instrumentRow)) : failed('51000', 'Parameter instType error');
    case '/api/v5/market/tickers':
      return instType === 'SPOT' ? ok(traded) : failed('51000', 'Parameter instType error');
    case '/api/v5/market/ticker': {
      const row = traded.find(({ instId }) => instId === url.searchParams.get('instId'));
      return row === undefined ? failed('51001', "Instrument ID or Spread ID doesn't exist.") : ok([row]);
    }
    default:
      return { status: 404, body: JSON.stringify({ code: '404', msg: 'Not Found', data: [] }) };
  }
}

export function tickerRow(product: Product, last: Quote) {
  return {
    instType: 'SPOT',
    instId: product.symbol,
    last: last.price,
    lastSz: last.size,
    askPx: last.ask,
    askSz: '11',
    bidPx: last.bid,
    bidSz: '5',
    open24h: product.open,
    high24h: product.open,
    low24h: product.open,
    sodUtc0: product.open,
    sodUtc8: product.open,
    volCcy24h: '278377.765301',
    vol24h: '39168761.49997',
    ts: String(last.timeMs),
  };
}

function instrumentRow({ symbol, asset, quote, decimals }: Product): object {
  return {
    baseCcy: asset,
    category: '1',
    expTime: '',
    instId: symbol,
    instType: 'SPOT',
    lotSz: '0.00000001',
    minSz: '0.00001',
    quoteCcy: quote,
    settleCcy: '',
    state: 'live',
    tickSz: decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}`,
    uly: '',
  };
}

function ok(data: readonly object[]): RestAnswer {
  return { status: 200, body: JSON.stringify({ code: '0', msg: '', data }) };
}

function failed(code: string, msg: string): RestAnswer {
  return { status: 200, body: JSON.stringify({ code, msg, data: [] }) };
}
