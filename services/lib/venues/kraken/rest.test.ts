import { describe, expect, test } from 'vitest';
import type { RestResponse } from '../venue-rest.ts';
import { readPrices } from '../test/read-prices.ts';
import { krakenRest } from './rest.ts';

const BTC = { asset: 'BTC', quote: 'USD', symbol: 'BTC/USD', restSymbol: 'XXBTZUSD' };
const SOL = { asset: 'SOL', quote: 'USD', symbol: 'SOL/USD', restSymbol: 'SOLUSD' };
const RECEIVED_MS = 1_700_000_000_000;
const answer = (body: unknown, status = 200): RestResponse => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  receivedMs: RECEIVED_MS,
});
const result = (fields: object, error: readonly unknown[] = []): RestResponse => answer({ error, result: fields });

describe('instruments', () => {
  test('have the symbol of the socket and the id of REST', () => {
    const pairs = {
      XXBTZUSD: { altname: 'XBTUSD', wsname: 'XBT/USD', base: 'XXBT', quote: 'ZUSD' },
      XDGUSD: { altname: 'XDGUSD', wsname: 'XDG/USD', base: 'XXDG', quote: 'ZUSD' },
      XETHXXBT: { altname: 'ETHXBT', wsname: 'ETH/XBT', base: 'XETH', quote: 'XXBT' },
      USDTZUSD: { altname: 'USDTUSD', wsname: 'USDT/USD', base: 'USDT', quote: 'ZUSD', status: 'limit_only' },
      ANETxUSD: { altname: 'ANETxUSD', wsname: 'ANETx/USD', base: 'ANETx', quote: 'ZUSD', status: 'cancel_only' },
    };
    expect(krakenRest.decodeInstruments(result(pairs))).toEqual({
      kind: 'ok',
      value: [
        BTC,
        { asset: 'DOGE', quote: 'USD', symbol: 'DOGE/USD', restSymbol: 'XDGUSD' },
        { asset: 'ETH', quote: 'BTC', symbol: 'ETH/BTC', restSymbol: 'XETHXXBT' },
        { asset: 'USDT', quote: 'USD', symbol: 'USDT/USD', restSymbol: 'USDTZUSD' },
        { asset: 'ANETX', quote: 'USD', symbol: 'ANETx/USD', restSymbol: 'ANETxUSD', isHalted: true },
      ],
    });
    expect(krakenRest.instrumentRequests).toEqual([{ path: '/0/public/AssetPairs' }]);
  });

  test('are no dark pools, and nothing that has no readable name', () => {
    const rows = {
      'XXBTZUSD.d': { altname: 'XBTUSD.d' },
      A: null,
      B: 'x',
      C: { wsname: 'USD' },
      D: { wsname: 'A/B/C' },
      E: { wsname: '/B' },
    };
    expect(krakenRest.decodeInstruments(result(rows))).toEqual({ kind: 'ok', value: [] });
  });
});

describe('prices', () => {
  test('are asked for of all markets at once, or by the id of one', () => {
    expect(krakenRest.batchRequests([BTC, SOL])).toEqual([{ path: '/0/public/Ticker' }]);
    expect(krakenRest.oneRequest(BTC)).toEqual({ path: '/0/public/Ticker?pair=XXBTZUSD' });
  });

  test('are the last trade with the book, found by id in any order', () => {
    const row = {
      a: ['64587.50000', '2', '2.000'],
      b: ['64587.40000', '11', '11.000'],
      c: ['64587.40000', '0.01'],
      p: ['1', '2'],
    };
    const tickers = { SOLUSD: { c: ['171.32', '1'], a: ['0.00000', '0', '0'], b: [] }, XXBTZUSD: row, ETHUSD: row };
    expect(readPrices(krakenRest, result(tickers), [BTC, SOL])).toEqual({
      kind: 'ok',
      value: [
        { asset: 'BTC', quote: 'USD', price: '64587.4', bid: '64587.4', ask: '64587.5' },
        { asset: 'SOL', quote: 'USD', price: '171.32' },
      ],
    });
  });

  test('are left out where there is none', () => {
    for (const row of [{}, { c: [] }, { c: ['0.00000', '0'] }, { c: [''] }, { c: 'x' }, null, 7]) {
      expect(readPrices(krakenRest, result({ XXBTZUSD: row }), [BTC])).toEqual({ kind: 'ok', value: [] });
    }
  });

  test('of a market of which only the symbol is known are found under its likely ids', () => {
    const row = { c: ['2.5', '1'] };
    const find = (symbol: string, id: string): unknown => {
      const [asset = '', quote = ''] = symbol.split('/');
      return readPrices(krakenRest, result({ [id]: row }), [{ asset, quote, symbol }]);
    };
    for (const [symbol, id] of [
      ['BTC/USD', 'XXBTZUSD'],
      ['DOGE/USD', 'XDGUSD'],
      ['ETH/BTC', 'XETHXXBT'],
      ['USDT/USD', 'USDTZUSD'],
      ['EUR/USD', 'ZEURZUSD'],
      ['SOL/USD', 'SOLUSD'],
    ] as const) {
      expect(find(symbol, id)).toMatchObject({ kind: 'ok', value: [{ price: '2.5' }] });
    }
    expect(krakenRest.oneRequest({ asset: 'DOGE', quote: 'USD', symbol: 'DOGE/USD' })).toEqual({
      path: '/0/public/Ticker?pair=XDGUSD',
    });
  });
});

describe('refusals', () => {
  test.each([
    ['EQuery:Unknown asset pair', 'unknown'],
    ['EAPI:Rate limit exceeded', 'throttled'],
    ['EGeneral:Temporary lockout', 'throttled'],
    ['EService: Throttled', 'throttled'],
    ['EService:Unavailable', 'failed'],
    ['EGeneral:Internal error', 'failed'],
  ])('%s is %s', (error, cause) => {
    for (const decoded of [
      readPrices(krakenRest, answer({ error: [error] }), [BTC]),
      krakenRest.decodeInstruments(answer({ error: [error] }, 520)),
    ]) {
      expect(decoded).toEqual({ kind: 'refused', reason: JSON.stringify(error), cause });
    }
  });

  test('that name an instant are for so long', () => {
    const until = (seconds: number): unknown =>
      readPrices(krakenRest, answer({ error: [`EService: Throttled: ${seconds}`] }), [BTC]);
    expect(until(1_700_000_007)).toMatchObject({ cause: 'throttled', retryAfterMs: 7_000 });
    expect(until(1_600_000_000)).toMatchObject({ cause: 'throttled', retryAfterMs: 0 });
  });

  test('are not warnings, which come with an answer', () => {
    const decoded = readPrices(krakenRest, result({ SOLUSD: { c: ['2', '1'] } }, ['WGeneral:Old call']), [SOL]);
    expect(decoded).toMatchObject({ kind: 'ok', value: [{ price: '2' }] });
  });

  test.each([
    [200, ''],
    [200, '{"error":[]}'],
    [200, '[]'],
    [200, '{"error":[],"result":[]}'],
    [502, '<html>'],
    [502, '{"error":[],"result":{}}'],
  ])('status %d with %s is a failure', (status, body) => {
    expect(readPrices(krakenRest, answer(body, status), [BTC])).toMatchObject({ kind: 'refused', cause: 'failed' });
  });

  test('status 429 is throttled', () => {
    expect(readPrices(krakenRest, answer('', 429), [BTC])).toMatchObject({ kind: 'refused', cause: 'throttled' });
  });
});
