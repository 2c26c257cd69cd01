import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { findVenue, type RestResponse, type VenueRest } from '../index.ts';
import { readPrices } from './read-prices.ts';
import { findRecordings } from './recordings.ts';

const recordings = findRecordings();

function restOf(id: string): VenueRest {
  const rest = findVenue(id)?.rest;
  if (rest === undefined) throw new Error(`no venue ${id}`);
  return rest;
}

function read(name: string): string {
  const bytes = readFileSync(join(recordings ?? '', name));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

const response = (body: string): RestResponse => ({ status: 200, body, receivedMs: 0 });

/** The first answer of REST: what came after "https://URL -> T: ". */
function firstBody(text: string): RestResponse {
  const line = text.split('\n').find((candidate) => candidate.startsWith('https:')) ?? '';
  return response(line.replace(/^https:\S+ -> [\d.]+: /, ''));
}

// The recordings are not part of the repository: licences differ.
describe('recorded answers of REST', () => {
  beforeEach(({ skip }) => {
    skip(
      recordings === undefined,
      'recordings are missing: they are read from ../shared/recordings, beside the repository',
    );
  });

  test('Kraken: 304 pairs of 2021, of which the dark pools are left out', () => {
    const text = read('kraken/cryptofeed-KRAKEN.0.gz');
    const decoded = restOf('kraken').decodeInstruments(firstBody(text));
    const instruments = decoded.kind === 'ok' ? decoded.value : [];
    const { result } = JSON.parse(firstBody(text).body) as { result: Record<string, { wsname?: string }> };
    const visible = Object.values(result).filter(({ wsname }) => wsname !== undefined);
    expect([Object.keys(result).length, instruments.length]).toEqual([304, visible.length]);
    expect(instruments.find(({ symbol }) => symbol === 'BTC/USD')?.restSymbol).toBe('XXBTZUSD');
    expect(instruments.find(({ symbol }) => symbol === 'DOGE/BTC')?.restSymbol).toBe('XXDGXXBT');
    for (const { symbol, asset, quote } of instruments) {
      expect([asset, quote]).toEqual(symbol.toUpperCase().split('/'));
      expect([asset, quote]).not.toContain('XBT');
      expect([asset, quote]).not.toContain('XDG');
    }
  });

  test('Kraken: tickers of one and of two pairs, in an order of their own', () => {
    const wanted = [
      { asset: 'BTC', quote: 'USD', symbol: 'BTC/USD', restSymbol: 'XXBTZUSD' },
      { asset: 'ETH', quote: 'USD', symbol: 'ETH/USD', restSymbol: 'XETHZUSD' },
    ];
    const lines = read('kraken/connect-rest-ticker-batch.jsonl').trim().split('\n');
    const prices = lines.map((line) => readPrices(restOf('kraken'), response(line), wanted));
    expect(prices).toEqual([
      { kind: 'ok', value: [{ asset: 'BTC', quote: 'USD', price: '64587.4', bid: '64587.4', ask: '64587.5' }] },
      {
        kind: 'ok',
        value: [
          { asset: 'BTC', quote: 'USD', price: '64547.2', bid: '64547.1', ask: '64547.2' },
          { asset: 'ETH', quote: 'USD', price: '3338.08', bid: '3338.94', ask: '3338.95' },
        ],
      },
    ]);
  });

  test('Coinbase: 162 products of 2021', () => {
    const decoded = restOf('coinbase').decodeInstruments(firstBody(read('coinbase/cryptofeed-COINBASE.0.gz')));
    const instruments = decoded.kind === 'ok' ? decoded.value : [];
    expect(instruments.length).toBeGreaterThan(150);
    for (const { symbol, asset, quote } of instruments) expect(symbol).toBe(`${asset}-${quote}`);
  });

  test('Coinbase: the ticker of one product, with its time', () => {
    const [, line = ''] = read('coinbase/ccxt-rest.responses.jsonl').split('\n');
    const { raw } = JSON.parse(line) as { raw: string };
    expect(
      readPrices(restOf('coinbase'), response(raw), [{ asset: 'BTC', quote: 'USDT', symbol: 'BTC-USDT' }]),
    ).toEqual({
      kind: 'ok',
      value: [
        {
          asset: 'BTC',
          quote: 'USDT',
          price: '73367.8',
          bid: '73360.34',
          ask: '73369.19',
          tradeTime: '2024-03-13T11:10:41.270099Z',
        },
      ],
    });
  });
});
