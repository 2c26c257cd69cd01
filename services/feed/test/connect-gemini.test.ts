import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { silentLogger, waitFor } from '@weir/testing';
import { findVenue, type Venue } from '@weir/venues';
import { formatDecimal } from '@weir/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createConnector, type Connector, type SourceQuote } from '../src/connect/connector.ts';

const PAIRS = [
  { asset: 'BTC', quote: 'USD', price: '84737.58' },
  { asset: 'ETH', quote: 'USD', price: '3138.4100' },
];

let exchanges: Exchanges;
let connector: Connector | undefined;
beforeEach(async () => {
  exchanges = await startExchanges({ venues: ['gemini'], pairs: PAIRS, ticksPerSecond: 0 });
});
afterEach(async () => {
  await connector?.stop();
  await exchanges.stop();
});

/** A started connector to the address that `path` makes of the venue's. */
function connect(path: string, assets: readonly string[] = ['BTC', 'ETH']) {
  const url = new URL(path, exchanges.addresses['gemini']?.ws).href;
  const known = findVenue('gemini');
  const venue: Venue | undefined = known?.at?.(url) ?? known;
  if (venue === undefined) throw new Error('no Gemini');
  const quotes: SourceQuote[] = [];
  const source = createConnector({
    venue,
    url,
    symbols: assets.map((asset) => ({ asset, quote: 'USD', symbol: `${asset}usd`.toLowerCase() })),
    clock: systemClock,
    logger: silentLogger,
    telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
    random: Math.random,
    onQuote: (quote) => quotes.push(quote),
    onHalted: () => undefined,
    onStatus: () => undefined,
  });
  connector = source;
  source.start();
  return {
    quotes,
    status: () => source.status,
    priceOf: (asset: string) => {
      const price = quotes.findLast((quote) => quote.asset === asset)?.price;
      return price === undefined ? undefined : formatDecimal(price);
    },
  };
}

test('by its old address the archived protocol is spoken, whose prices are those of trades', async () => {
  const source = connect('/v2/marketdata');
  await waitFor(() => source.status().state === 'ok' && source.priceOf('ETH') === '3138.41');
  expect(source.priceOf('BTC')).toBe('84737.58');
  expect(exchanges.venue('gemini').received).toEqual([
    '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD","ETHUSD"]}]}',
  ]);
  exchanges.venue('gemini').setPrice('BTC', '84800.1');
  await waitFor(() => source.priceOf('BTC') === '84800.1');
  expect(source.quotes.findLast(({ asset }) => asset === 'BTC')?.bid).toBeUndefined();
});

test('by its old address a market without trades is confirmed by heartbeats', async () => {
  const source = connect('/v2/marketdata');
  await waitFor(() => source.status().state === 'ok');
  const since = source.quotes.length;
  await waitFor(() => new Set(source.quotes.slice(since).map(({ asset }) => asset)).size === 2);
});

test('by its old address a market that is wanted no longer is given up at the venue', async () => {
  const source = connect('/v2/marketdata');
  await waitFor(() => source.status().state === 'ok' && source.priceOf('ETH') === '3138.41');
  connector?.follow([{ asset: 'BTC', quote: 'USD', symbol: 'btcusd' }]);
  await waitFor(() => exchanges.venue('gemini').subscribers('ETH') === 0);
  expect(exchanges.venue('gemini').subscribers('BTC')).toBe(1);
});

test('a symbol that the archived protocol does not know is refused', async () => {
  const source = connect('/v2/marketdata', ['FOO']);
  await waitFor(() => source.status().quarantined.length === 1);
  expect(source.status().quarantined).toMatchObject([{ asset: 'FOO' }]);
});
