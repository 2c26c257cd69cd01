import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@weir/clock';
import { spellSymbol, startExchanges, venueIds, type Exchanges, type ListedPair, type VenueId } from '@weir/exchanges';
import { silentLogger, waitFor } from '@weir/testing';
import { findVenue, type Venue, type VenueTiming } from '@weir/venues';
import { formatDecimal } from '@weir/wire';
import { afterEach, expect, test } from 'vitest';
import { createConnector, type ConnectorStatus, type SourceQuote } from '../src/connect/connector.ts';

const RECORDING = join(
  import.meta.dirname,
  '../../../../shared/recordings/coinbase/cryptofeed-coinbase.tickers-trades.subset.jsonl',
);
const PAIRS: readonly ListedPair[] = [
  { asset: 'BTC', quote: 'USD', price: '84737.58' },
  { asset: 'ETH', quote: 'USD', price: '3138.4100' },
];

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** In what the venue's dollar markets are quoted in. */
function pairsOf(id: string): readonly ListedPair[] {
  return PAIRS.map((pair) => ({ ...pair, quote: findVenue(id)?.settlement ?? '' }));
}

async function startVenue(id: VenueId, pairs = pairsOf(id), ticksPerSecond = 0): Promise<Exchanges> {
  const exchanges = await startExchanges({ venues: [id], pairs, ticksPerSecond });
  cleanups.push(() => exchanges.stop());
  return exchanges;
}

interface Wish {
  readonly pairs?: readonly { readonly asset: string; readonly quote: string }[];
  readonly timing?: Partial<VenueTiming>;
}

/** A started connector, with everything it has said. */
function connect(exchanges: Exchanges, id: VenueId, { pairs = pairsOf(id), timing = {} }: Wish = {}) {
  const known = findVenue(id);
  if (known === undefined) throw new Error(`no venue ${id}`);
  const venue: Venue = { ...known, timing: { ...known.timing, ...timing } };
  const quotes: SourceQuote[] = [];
  const statuses: ConnectorStatus[] = [];
  const counts = new Map<string, number>();
  const connector = createConnector({
    venue,
    url: exchanges.addresses[id]?.ws ?? '',
    symbols: pairs.map(({ asset, quote }) => ({ asset, quote, symbol: spellSymbol(id, asset, quote) })),
    clock: systemClock,
    logger: silentLogger,
    telemetry: {
      counter: (_name, { attributes }) => {
        const kind = String(attributes?.['kind']);
        const add = (count = 1): void => void counts.set(kind, (counts.get(kind) ?? 0) + count);
        return { add, value: 0 };
      },
    },
    random: Math.random,
    onQuote: (quote) => quotes.push(quote),
    onHalted: () => undefined,
    onStatus: (status) => statuses.push(status),
  });
  cleanups.push(() => connector.stop());
  connector.start();
  return {
    connector,
    quotes,
    statuses,
    priceOf: (asset: string) => {
      const price = quotes.findLast((quote) => quote.asset === asset)?.price;
      return price === undefined ? undefined : formatDecimal(price);
    },
    isLive: () => connector.status.state === 'ok',
    /** Events of the kind so far. */
    count: (kind: string) => counts.get(kind) ?? 0,
    /** Events by which a market without trades is known to live. */
    signs: () => ['heartbeat', 'pong', 'quote'].reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0),
  };
}

/** Some venues say nothing of a market until it trades. */
async function tradeAll(exchanges: Exchanges, id: VenueId, isLive: () => boolean): Promise<void> {
  await waitFor(isLive);
  for (const { asset, price = '' } of PAIRS) exchanges.venue(id).setPrice(asset, price);
}

/** Until the test is over. */
function keepTrading(exchanges: Exchanges, id: VenueId, price: string): void {
  const trade = (): void => exchanges.venue(id).setPrice('BTC', price);
  trade();
  const timer = systemClock.setInterval(trade, TRADE_MS);
  cleanups.push(async () => timer.cancel());
}

const TRADE_MS = 200;
/** Venues that say when nothing is matched. */
const TELLING = ['coinbase', 'kraken', 'bybit', 'okx'] as const;

test.each(venueIds)('%s: prices arrive to the digit, and stay confirmed while nothing trades', async (id) => {
  const exchanges = await startVenue(id);
  const source = connect(exchanges, id);
  await tradeAll(exchanges, id, source.isLive);
  await waitFor(() => source.priceOf('ETH') === '3138.41' && source.priceOf('BTC') !== undefined);
  expect(source.priceOf('BTC')).toBe('84737.58');
  const since = source.quotes.length;
  // Proofs of life of both symbols, without any trade.
  await waitFor(() => new Set(source.quotes.slice(since).map(({ asset }) => asset)).size === 2);
  expect([source.priceOf('BTC'), source.priceOf('ETH')]).toEqual(['84737.58', '3138.41']);
  exchanges.venue(id).setPrice('BTC', '84737.590000000000000001');
  await waitFor(() => source.priceOf('BTC') === '84737.590000000000000001');
});

test.each(venueIds)('%s: after a cut prices are back within 2 s, or with the next second of tickers', async (id) => {
  const exchanges = await startVenue(id);
  const source = connect(exchanges, id);
  await waitFor(source.isLive);
  exchanges.venue(id).cut();
  await waitFor(() => source.connector.status.state === 'down');
  const attempts = source.statuses.length;
  // Long enough for several attempts to fail.
  await waitFor(() => systemClock.nowMs() - source.connector.status.sinceMs > 4_000);
  expect(source.statuses.length - attempts).toBeLessThanOrEqual(1);
  keepTrading(exchanges, id, '90000.01');
  exchanges.venue(id).restore();
  await waitFor(() => source.isLive() && source.priceOf('BTC') === '90000.01', id === 'gateio' ? 3_500 : 2_000);
});

test.each(venueIds)('%s: a half-open connection is found out and replaced', async (id) => {
  const exchanges = await startVenue(id);
  const source = connect(exchanges, id, { timing: { pingAfterMs: 1_500, deadAfterMs: 3_000 } });
  await waitFor(source.isLive);
  exchanges.venue(id).silence(true);
  await waitFor(() => source.statuses.at(-1)?.reason === 'Silent');
  expect(source.statuses.map(({ state }) => state).slice(-2)).toEqual(['quiet', 'down']);
  exchanges.venue(id).silence(false);
  keepTrading(exchanges, id, '90000.02');
  await waitFor(() => source.isLive() && source.priceOf('BTC') === '90000.02');
  await waitFor(() => exchanges.venue(id).subscribers('BTC') === 1);
});

test.each(venueIds)('%s: one bad symbol of two is named, the good one keeps flowing', async (id) => {
  const exchanges = await startVenue(id);
  const [good] = pairsOf(id);
  const pairs = ['BTC', 'FOO'].map((asset) => ({ asset, quote: good?.quote ?? '' }));
  const source = connect(exchanges, id, { pairs });
  await waitFor(source.isLive);
  expect(source.connector.status.quarantined).toMatchObject([{ asset: 'FOO' }]);
  exchanges.venue(id).setPrice('BTC', '90000.03');
  await waitFor(() => source.priceOf('BTC') === '90000.03');
});

test.each(venueIds)('%s: prices before the answer, without bids and twice are taken all the same', async (id) => {
  const exchanges = await startVenue(id);
  const control = exchanges.venue(id);
  control.fault({ isAckLast: true, duplicateShare: 1, hasEmptyBids: true });
  const source = connect(exchanges, id);
  await waitFor(source.isLive);
  for (let price = 90_001; price <= 90_020; price++) control.setPrice('BTC', String(price));
  await waitFor(() => source.priceOf('BTC') === '90020');
  const prices = source.quotes.filter(({ asset }) => asset === 'BTC').map(({ price }) => price);
  expect(prices).toEqual(prices.toSorted((a, b) => (a < b ? -1 : Number(a > b))));
  expect(source.connector.status).toMatchObject({ state: 'ok', quarantined: [] });
  expect(source.quotes.filter(({ asset, bid }) => asset === 'BTC' && bid !== undefined)).toEqual([]);
});

test.each(venueIds)(
  '%s: a market that is wanted no longer is given up at the venue, and can be asked for again',
  async (id) => {
    const exchanges = await startVenue(id);
    const control = exchanges.venue(id);
    const source = connect(exchanges, id);
    await tradeAll(exchanges, id, source.isLive);
    await waitFor(() => source.priceOf('ETH') === '3138.41');
    const [connections, ignored] = [control.connections, source.count('ignored')];
    const markets = pairsOf(id).map(({ asset, quote }) => ({ asset, quote, symbol: spellSymbol(id, asset, quote) }));
    source.connector.follow(markets.slice(0, 1));
    await waitFor(() => control.subscribers('ETH') === 0);
    const since = source.quotes.length;
    control.setPrice('ETH', '1.5');
    control.setPrice('BTC', '90000.04');
    await waitFor(() => source.priceOf('BTC') === '90000.04');
    expect(source.quotes.slice(since).filter(({ asset }) => asset === 'ETH')).toEqual([]);
    // The answer is understood.
    expect([source.count('ignored'), source.count('error'), source.count('rejected')]).toEqual([ignored, 0, 0]);
    source.connector.follow(markets);
    await waitFor(() => control.subscribers('ETH') === 1);
    control.setPrice('ETH', '1.5');
    await waitFor(() => source.priceOf('ETH') === '1.5');
    expect([control.subscribers('ETH'), control.connections]).toEqual([1, connections]);
    expect(source.connector.status).toMatchObject({ state: 'ok', quarantined: [] });
  },
);

test.each(TELLING)('%s: while nothing is matched the source is halted and confirms nothing', async (id) => {
  const exchanges = await startVenue(id);
  const source = connect(exchanges, id);
  await waitFor(source.isLive);
  // Who tells of standstills on a socket of its own has to be heard there first.
  const { statusSocket } = findVenue(id) ?? {};
  await waitFor(
    () => statusSocket === undefined || exchanges.venue(id).received.some((text) => text.includes('status')),
  );
  exchanges.venue(id).maintenance({ system: 'cancel_only' });
  await waitFor(() => source.connector.status.state === 'halted');
  const since = source.quotes.length;
  const signs = source.signs();
  await waitFor(() => source.signs() > signs + 2);
  expect(source.quotes).toHaveLength(since);
  exchanges.venue(id).maintenance({ system: 'online' });
  await waitFor(() => source.isLive() && source.quotes.length > since);
});

test('a burst of 5,000 frames is taken whole, in order', async () => {
  const exchanges = await startVenue('coinbase');
  const source = connect(exchanges, 'coinbase', { pairs: [{ asset: 'BTC', quote: 'USD' }] });
  await waitFor(source.isLive);
  const before = source.count('ticker');
  const seen = source.quotes.length;
  for (let n = 1; n <= 5_000; n++) {
    exchanges.venue('coinbase').push(
      JSON.stringify({
        type: 'ticker',
        product_id: 'BTC-USD',
        price: `${n}.10`,
        sequence: 1_000_000 + n,
        trade_id: 9_000_000 + n,
        time: new Date(systemClock.nowMs()).toISOString(),
      }),
    );
  }
  await waitFor(() => source.count('ticker') - before === 5_000);
  const told = source.quotes.slice(seen).map(({ price }) => formatDecimal(price));
  // A heartbeat may confirm a price between two tickers.
  const prices = told.filter((price, index) => price.endsWith('.1') && price !== told[index - 1]);
  expect(prices).toEqual(Array.from({ length: 5_000 }, (_, index) => `${index + 1}.1`));
});

test('a stopped connector leaves no connection behind', async () => {
  const exchanges = await startVenue('kraken', PAIRS, 50);
  const source = connect(exchanges, 'kraken');
  await waitFor(source.isLive);
  await source.connector.stop();
  await waitFor(() => exchanges.venue('kraken').connections === 0);
  const told = source.quotes.length;
  exchanges.venue('kraken').setPrice('BTC', '1');
  expect(source.quotes).toHaveLength(told);
});

// The recordings are not part of the repository: licences differ.
test('a replayed recording loses no ticker and no match', async ({ skip }) => {
  skip(
    !existsSync(RECORDING),
    'recordings are missing: they are read from ../shared/recordings, beside the repository',
  );
  const lines = readFileSync(RECORDING, 'utf8').split('\n');
  const last = new Map<string, string>();
  for (const line of lines.filter((text) => text.includes('"dir": "in"'))) {
    // The recording's own format, and the venue's.
    const { raw } = JSON.parse(line) as { readonly raw: string };
    const frame = JSON.parse(raw) as { readonly type: string; readonly product_id: string; readonly price: string };
    if (frame.type === 'ticker') last.set(frame.product_id, frame.price);
  }
  const pairs = [...last.keys()].map((symbol) => {
    const [asset = '', quote = ''] = symbol.split('-');
    return { asset, quote };
  });
  const exchanges = await startVenue('coinbase', pairs);
  const source = connect(exchanges, 'coinbase', { pairs });
  await waitFor(source.isLive);
  await exchanges.venue('coinbase').replay(lines, { speed: Infinity });
  await waitFor(() => source.count('ticker') === 107 && source.count('trade') === 97);
  for (const [symbol, price] of last) {
    const quote = source.quotes.findLast((told) => told.symbol === symbol);
    expect(Number(formatDecimal(quote?.price ?? 0n)), symbol).toBe(Number(price));
  }
});
