import type { ProofOfLife, QuoteEvent, TickerEvent } from '@weir/venues';
import { venues } from '@weir/venues';
import { formatDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { createSourceQuotes, type Arrival, type SourceQuote } from './source-quotes.ts';

const WALL_MS = Date.parse('2026-11-21T12:00:00Z');
const MARKET = { symbol: 'BTC-USD', asset: 'BTC', quote: 'USD' } as const;

function createBook(proofOfLife: ProofOfLife, symbol: string = MARKET.symbol) {
  const told: SourceQuote[] = [];
  const open = new Set<number>();
  const quotes = createSourceQuotes({
    symbols: [{ ...MARKET, symbol }],
    proofOfLife,
    isSubscribed: () => true,
    isHalted: () => false,
    isOpen: (connection) => open.has(connection),
    onQuote: (quote) => told.push(quote),
  });
  const at = (ms: number, connection = 1): Arrival => ({ monotonicMs: ms, wallMs: WALL_MS + ms, connection });
  const timeOf = (ms: number): string => new Date(WALL_MS + ms).toISOString();
  const ticker = (price: string, venueMs: number, more: Partial<TickerEvent> = {}): TickerEvent => ({
    kind: 'ticker',
    ...MARKET,
    symbol,
    price,
    tradeTime: timeOf(venueMs),
    ...more,
  });
  const last = (): string | undefined => {
    const quote = told.at(-1);
    return quote && `${formatDecimal(quote.price)}@${quote.confirmedMonotonicMs}`;
  };
  return { quotes, told, open, at, timeOf, ticker, last };
}

test('a frame that is dropped as older proves nothing, nor does a heartbeat of its connection, until one is taken', () => {
  const { quotes, at, ticker, last } = createBook('connection-heartbeat');
  quotes.ticker(ticker('100', 1_000), at(1_000));
  expect(quotes.ticker(ticker('95', -29_000), at(1_100))).toBe('older');
  quotes.alive(at(1_100));
  quotes.alive(at(60_000));
  expect(last()).toBe('100@1000');
  expect(quotes.ticker(ticker('99', 1_001), at(60_001))).toBe('told');
  quotes.alive(at(62_000));
  expect(last()).toBe('99@62000');
});

test('a dropped frame that says what is known already contradicts nothing', () => {
  const { quotes, at, ticker, last } = createBook('connection-heartbeat');
  const book = { bid: '99', ask: '101' };
  quotes.ticker(ticker('100', 1_000, book), at(1_000));
  expect(quotes.ticker(ticker('100', 0, book), at(1_100))).toBe('older');
  quotes.alive(at(2_000));
  expect(last()).toBe('100@2000');
  // The same price beside another book is a contradiction.
  expect(quotes.ticker(ticker('100', 0, { ...book, ask: '100' }), at(2_100))).toBe('older');
  quotes.alive(at(4_000));
  expect(last()).toBe('100@2000');
});

test('a clock of the venue that was set back is taken after two seconds, if its times go on from there', () => {
  const { quotes, at, ticker, last } = createBook('connection-heartbeat');
  quotes.ticker(ticker('100', 1_000), at(1_000));
  const verdicts: string[] = [];
  for (let ms = 1_500; ms <= 4_000; ms += 500) {
    verdicts.push(quotes.ticker(ticker(String(100 - ms / 500), ms - 30_000), at(ms)));
    quotes.alive(at(ms));
  }
  expect(verdicts).toEqual(['older', 'older', 'older', 'older', 'told', 'told']);
  expect(last()).toBe('92@4000');
});

test('an old frame that is repeated, and old ones that go back further, are never taken for a clock', () => {
  const { quotes, at, ticker, last } = createBook('connection-heartbeat');
  quotes.ticker(ticker('100', 1_000), at(1_000));
  for (let ms = 2_000; ms < 60_000; ms += 1_000) {
    expect(quotes.ticker(ticker('95', 0), at(ms))).toBe('older');
    expect(quotes.ticker(ticker('94', -ms), at(ms))).toBe('older');
    quotes.alive(at(ms));
  }
  expect(last()).toBe('100@1000');
});

test('where the sequence goes on, the price goes with it, whatever the time says', () => {
  const { quotes, at, ticker, last } = createBook('trade-id-heartbeat');
  const take = (price: string, sequence: number, venueMs: number, ms: number): string =>
    quotes.ticker(ticker(price, venueMs, { sequence, tradeId: String(sequence) }), at(ms));
  take('100', 1, 0, 0);
  expect(take('95', 2, -1_000, 1_000)).toBe('told');
  expect(last()).toBe('95@1000');
  expect(take('94', 3, -500, 2_000)).toBe('told');
  quotes.heartbeat({ kind: 'heartbeat', symbol: MARKET.symbol, lastTradeId: '3' }, at(3_000));
  expect(last()).toBe('94@3000');
});

test('within a millisecond of the venue the price goes with the order of arrival', () => {
  const { quotes, at, ticker, last } = createBook('connection-heartbeat');
  const take = (price: string, micros: string, ms: number): string =>
    quotes.ticker(ticker(price, 0, { tradeTime: `2026-11-21T12:00:00.000${micros}Z` }), at(ms));
  expect(take('100', '900', 0)).toBe('told');
  expect(take('99', '100', 1)).toBe('told');
  expect(last()).toBe('99@1');
});

test('a sequence that goes on while its time goes back shows a clock that was set back to the other channels too', () => {
  const { quotes, at, ticker, timeOf, last } = createBook('connection-heartbeat');
  const trade = (price: string, venueMs: number) =>
    ({ kind: 'trade', ...MARKET, price, size: '1', side: 'buy', tradeTime: timeOf(venueMs) }) as const;
  quotes.ticker(ticker('100', 0, { sequence: 1 }), at(0));
  expect(quotes.trade(trade('101', 100), at(100))).toBe('told');
  expect(quotes.ticker(ticker('99', -30_000, { sequence: 2 }), at(200))).toBe('told');
  expect(last()).toBe('99@200');
  expect(quotes.trade(trade('98', -29_900), at(300))).toBe('told');
  expect(last()).toBe('98@300');
});

test('a heartbeat that names the known trade decides between it and the frame that was dropped', () => {
  const { quotes, at, ticker, last } = createBook('trade-id-heartbeat');
  quotes.ticker(ticker('100', 1_000, { sequence: 7, tradeId: '7' }), at(1_000));
  expect(quotes.ticker(ticker('95', 0, { sequence: 6, tradeId: '6' }), at(1_100))).toBe('older');
  quotes.heartbeat({ kind: 'heartbeat', symbol: MARKET.symbol, lastTradeId: '7' }, at(2_000));
  expect(last()).toBe('100@2000');
});

test('a book that is taken does not prove a last price that a dropped ticker contradicts', () => {
  const { quotes, at, ticker, timeOf, last } = createBook('symbol-repeat');
  const book = (venueMs: number): QuoteEvent => ({
    kind: 'quote',
    ...MARKET,
    bid: '94',
    ask: '96',
    venueTime: timeOf(venueMs),
  });
  quotes.ticker(ticker('100', 1_000), at(1_000));
  expect(quotes.ticker(ticker('95', 0), at(1_100))).toBe('older');
  expect(quotes.book(book(1_200), at(1_200))).toBe('kept');
  expect(last()).toBe('100@1000');
  expect(quotes.ticker(ticker('95', 1_300), at(1_300))).toBe('told');
  // Nor a last price the book.
  expect(quotes.book({ ...book(1_100), bid: '90' }, at(1_400))).toBe('older');
  expect(quotes.ticker(ticker('95.5', 1_500), at(1_500))).toBe('kept');
  expect(quotes.book(book(1_600), at(1_600))).toBe('told');
  expect(last()).toBe('95.5@1600');
});

test('of two open connections one lags, which contradicts nothing and sets no clock back', () => {
  const { quotes, at, open, ticker, last } = createBook('connection-heartbeat');
  open.add(1).add(2);
  quotes.ticker(ticker('100', 0), at(0));
  for (let ms = 100; ms <= 5_000; ms += 100) {
    expect(quotes.ticker(ticker(String(1_000 + ms), ms), { ...at(ms, 2), isSecond: true })).toBe('told');
    expect(quotes.ticker(ticker(String(1_000 + ms - 50), ms - 50), at(ms + 50))).toBe('older');
  }
  quotes.alive(at(6_500));
  expect(last()).toBe('6000@6500');
});

/** One frame of the venue, or the two that tell the same. */
const FRAMES: Readonly<Record<string, (price: number, timeMs: number, count: number) => readonly object[]>> = {
  kraken: (last, timeMs) => {
    const of = { symbol: 'BTC/USD', bid: last, ask: last + 1, last, timestamp: new Date(timeMs).toISOString() };
    return [{ channel: 'ticker', type: 'update', data: [of] }];
  },
  gateio: (last, timeMs) => {
    const of = { currency_pair: 'BTC_USDT', last: `${last}`, lowest_ask: `${last + 1}`, highest_bid: `${last}` };
    return [{ time: 1, time_ms: timeMs, channel: 'spot.tickers', event: 'update', result: of }];
  },
  okx: (last, timeMs) => {
    const of = { instId: 'BTC-USDT', last: `${last}`, askPx: `${last + 1}`, bidPx: `${last}`, ts: `${timeMs}` };
    return [{ arg: { channel: 'tickers', instId: 'BTC-USDT' }, data: [of] }];
  },
  gemini: (c, timeMs, u) => [{ u, E: timeMs * 1e6, s: 'btcusd', b: `${c}`, B: '1', a: `${c + 1}`, A: '1', c: `${c}` }],
  bybit: (last, ts, seq) => [
    { topic: 'tickers.BTCUSDT', ts, type: 'snapshot', cs: seq, data: { symbol: 'BTCUSDT', lastPrice: `${last}` } },
    {
      topic: 'orderbook.1.BTCUSDT',
      ts,
      type: 'snapshot',
      data: { s: 'BTCUSDT', b: [[`${last}`, '1']], a: [[`${last + 1}`, '1']], u: seq, seq },
    },
  ],
  coinbase: (price, timeMs, sequence) => [
    {
      type: 'ticker',
      sequence,
      product_id: 'BTC-USD',
      price: `${price}`,
      best_bid: `${price}`,
      best_ask: `${price + 1}`,
      time: new Date(timeMs).toISOString(),
      trade_id: sequence,
    },
  ],
};
const SYMBOLS: Readonly<Record<string, string>> = {
  kraken: 'BTC/USD',
  gateio: 'BTC_USDT',
  okx: 'BTC-USDT',
  gemini: 'btcusd',
  bybit: 'BTCUSDT',
  coinbase: 'BTC-USD',
};

test.each(Object.keys(FRAMES))('%s: with a clock that steps from 1.9 s ahead to 1.9 s behind no age lies', (id) => {
  const venue = venues[id] ?? expect.unreachable();
  const { quotes, at, told } = createBook(venue.proofOfLife, SYMBOLS[id]);
  const truths = new Map<number, number>();
  for (let ms = 0, count = 1; ms < 12_000; ms += 250, count += 1) {
    const truth = 100_000 + count * 10;
    truths.set(ms, truth);
    const venueMs = WALL_MS + ms + (ms < 4_000 ? 1_900 : -1_900);
    for (const frame of FRAMES[id]?.(truth, venueMs, count) ?? []) {
      for (const event of venue.decode(JSON.stringify(frame))) {
        if (event.kind === 'ticker') quotes.ticker(event, at(ms));
        if (event.kind === 'quote') quotes.book(event, at(ms));
      }
      quotes.alive(at(ms));
    }
    // The ticker of Bybit comes before the book that proves it.
    const { confirmedMonotonicMs, price } = told.at(-1) ?? expect.unreachable();
    expect(formatDecimal(price)).toBe(String(truths.get(confirmedMonotonicMs)));
    expect(ms - confirmedMonotonicMs).toBeLessThanOrEqual(2_250);
  }
  expect(told.at(-1)?.confirmedMonotonicMs).toBe(11_750);
});
