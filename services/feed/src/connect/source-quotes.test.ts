import type { ProofOfLife, QuoteEvent, TickerEvent, VenueEvent } from '@weir/venues';
import { parseDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { createSourceQuotes, type Arrival, type SourceQuote } from './source-quotes.ts';

const WALL_MS = Date.parse('2026-11-20T10:00:00Z');
const decimal = (text: string): bigint => parseDecimal(text) ?? -1n;

function createBook(proofOfLife: ProofOfLife, wanted: readonly string[] = ['BTC', 'ETH']) {
  const told: SourceQuote[] = [];
  const subscribed = new Set(wanted.map((asset) => `${asset}-USD`));
  const halted = new Set<string>();
  const times: [venueTimeMs: number, isAhead: boolean][] = [];
  const open = new Set<number>();
  const quotes = createSourceQuotes({
    symbols: wanted.map((asset) => ({ asset, quote: 'USD', symbol: `${asset}-USD` })),
    proofOfLife,
    isSubscribed: (symbol) => subscribed.has(symbol),
    isHalted: (symbol) => halted.has(symbol),
    isOpen: (connection) => open.has(connection),
    onQuote: (quote) => told.push(quote),
    onVenueTime: (venueTimeMs, _arrival, isAhead) => times.push([venueTimeMs, isAhead]),
  });
  const at = (monotonicMs: number, connection = 1): Arrival => ({
    monotonicMs,
    wallMs: WALL_MS + monotonicMs,
    connection,
  });
  /** Of a connection beside the first one. */
  const atSecond = (monotonicMs: number): Arrival => ({ ...at(monotonicMs, 2), isSecond: true });
  return { quotes, told, times, subscribed, halted, open, at, atSecond, last: () => told.at(-1) };
}

const ticker = (more: Partial<TickerEvent> = {}): TickerEvent => ({
  kind: 'ticker',
  symbol: 'BTC-USD',
  asset: 'BTC',
  quote: 'USD',
  price: '84737.58',
  ...more,
});

test('a ticker is told with its exact price and the time of its frame', () => {
  const { quotes, at, told } = createBook('trade-id-heartbeat');
  const event = ticker({ bid: '84737.57', ask: '84737.59', tradeTime: '2026-11-20T09:59:59.250123Z' });
  expect(quotes.ticker(event, at(1_000))).toBe('told');
  expect(told).toEqual([
    {
      asset: 'BTC',
      quote: 'USD',
      symbol: 'BTC-USD',
      price: decimal('84737.58'),
      bid: decimal('84737.57'),
      ask: decimal('84737.59'),
      tradeAtMs: Date.parse('2026-11-20T09:59:59.250Z'),
      confirmedMonotonicMs: 1_000,
      via: 'ws',
    },
  ]);
});

test('the time of a frame is no time of a trade, and orders frames as well as one', () => {
  const { quotes, at, last } = createBook('connection-heartbeat');
  expect(quotes.ticker(ticker({ venueTime: '2026-11-20T09:59:59.250Z' }), at(0))).toBe('told');
  expect(last()).not.toHaveProperty('tradeAtMs');
  expect(quotes.ticker(ticker({ venueTime: '2026-11-20T09:59:58.250Z' }), at(1))).toBe('older');
});

test('a symbol that nobody asked for is not told', () => {
  const { quotes, at, told } = createBook('trade-id-heartbeat');
  expect(quotes.ticker(ticker({ symbol: 'DOGE-USD' }), at(0))).toBe('unasked');
  expect(told).toEqual([]);
});

test('a sequence that goes back is dropped, a gap is no loss, and a restarted sequence with newer times is taken', () => {
  const { quotes, at, last } = createBook('trade-id-heartbeat');
  const take = (price: string, sequence: number, second: number): string =>
    quotes.ticker(ticker({ price, sequence, tradeTime: `2026-11-20T09:59:${second}.000000Z` }), at(second));
  expect(take('10', 100, 10)).toBe('told');
  expect(take('11', 2_252, 11)).toBe('told');
  expect(take('9', 99, 10)).toBe('older');
  expect(take('9', 99, 11)).toBe('older');
  expect(last()?.price).toBe(decimal('11'));
  expect(take('12', 5, 30)).toBe('told');
  expect(take('13', 6, 30)).toBe('told');
});

test('without a sequence an earlier time of the venue is dropped', () => {
  const { quotes, at } = createBook('connection-heartbeat');
  const take = (tradeTime: string): string => quotes.ticker(ticker({ tradeTime }), at(0));
  expect(take('2026-11-20T09:59:59.000001Z')).toBe('told');
  expect(take('2026-11-20T09:59:58.999999Z')).toBe('older');
  expect(take('2026-11-20T09:59:59.000001Z')).toBe('told');
});

test('a time far ahead of ours is told of, blocks nothing after it and is the time of no trade', () => {
  const { quotes, at, last, times } = createBook('connection-heartbeat');
  quotes.ticker(ticker({ tradeTime: '2099-01-01T00:00:00.000000Z' }), at(1));
  expect(last()).not.toHaveProperty('tradeAtMs');
  expect(quotes.ticker(ticker({ tradeTime: '2026-11-20T10:00:00.000000Z' }), at(2))).toBe('told');
  expect(times).toEqual([
    [Date.parse('2099-01-01T00:00:00Z'), true],
    [Date.parse('2026-11-20T10:00:00Z'), false],
  ]);
});

test('a time that is a little ahead keeps its place in the order and is no time to come', () => {
  const { quotes, at, last } = createBook('connection-heartbeat');
  quotes.ticker(ticker({ tradeTime: '2026-11-20T10:00:01.900000Z' }), at(0));
  expect(last()).toMatchObject({ tradeAtMs: WALL_MS });
  expect(quotes.ticker(ticker({ tradeTime: '2026-11-20T10:00:01.800000Z' }), at(1))).toBe('older');
});

test('a heartbeat that names the newest trade confirms the price, any other does not', () => {
  const { quotes, at, told } = createBook('trade-id-heartbeat');
  const heartbeat = (lastTradeId: string, ms: number, symbol = 'BTC-USD'): void =>
    quotes.heartbeat({ kind: 'heartbeat', symbol, lastTradeId }, at(ms));
  heartbeat('7', 0);
  quotes.ticker(ticker({ tradeId: '7' }), at(10));
  heartbeat('7', 1_000);
  heartbeat('8', 2_000);
  heartbeat('7', 2_500, 'ETH-USD');
  quotes.heartbeat({ kind: 'heartbeat' }, at(2_600));
  quotes.heartbeat({ kind: 'heartbeat', symbol: 'BTC-USD' }, at(2_700));
  expect(told.map(({ confirmedMonotonicMs }) => confirmedMonotonicMs)).toEqual([10, 1_000]);
  expect(quotes.unprovenSince(1_000)).toEqual(['ETH-USD']);
  expect(quotes.unprovenSince(1_001)).toEqual(['BTC-USD', 'ETH-USD']);
});

test('a market that stands still is not confirmed by its heartbeat', () => {
  const { quotes, at, told, halted } = createBook('trade-id-heartbeat');
  quotes.ticker(ticker({ tradeId: '7' }), at(0));
  halted.add('BTC-USD');
  quotes.heartbeat({ kind: 'heartbeat', symbol: 'BTC-USD', lastTradeId: '7' }, at(1_000));
  expect(told).toHaveLength(1);
  halted.clear();
  quotes.heartbeat({ kind: 'heartbeat', symbol: 'BTC-USD', lastTradeId: '7' }, at(2_000));
  expect(told).toHaveLength(2);
});

test('where the venue pushes every change, any frame confirms all subscribed symbols, about once a second', () => {
  const { quotes, at, told } = createBook('connection-heartbeat');
  quotes.ticker(ticker(), at(0));
  quotes.ticker(ticker({ symbol: 'ETH-USD' }), at(0));
  quotes.alive(at(0));
  expect(told).toHaveLength(2);
  for (let ms = 1; ms <= 10_000; ms++) quotes.alive(at(ms));
  const confirmations = told.slice(2);
  expect(confirmations).toHaveLength(2 * 11);
  expect(confirmations.at(-1)).toMatchObject({
    symbol: 'ETH-USD',
    confirmedMonotonicMs: 9_900,
  });
  expect(quotes.unprovenSince(9_100)).toEqual([]);
});

test('a busy connection confirms few at a time, each within a second; after a pause one frame confirms all', () => {
  const wanted = Array.from({ length: 100 }, (_, index) => `A${index}`);
  const { quotes, at, told } = createBook('connection-heartbeat', wanted);
  for (const asset of wanted) quotes.ticker(ticker({ symbol: `${asset}-USD`, asset }), at(0));
  quotes.alive(at(0));
  const toldUntil = (ms: number): number => {
    told.length = 0;
    quotes.alive(at(ms));
    return told.length;
  };
  for (let ms = 10; ms <= 900; ms += 10) expect(toldUntil(ms)).toBeLessThanOrEqual(2);
  expect(quotes.unprovenSince(1)).toEqual([]);
  expect(told.every(({ confirmedMonotonicMs }) => confirmedMonotonicMs === 900)).toBe(true);
  expect(toldUntil(1_900)).toBe(100);
});

test('a frame confirms nothing of an earlier connection, of a halted market, or of what is not subscribed', () => {
  const { quotes, at, told, subscribed, halted } = createBook('connection-heartbeat', ['BTC', 'ETH', 'SOL', 'XRP']);
  for (const asset of ['BTC', 'ETH', 'SOL']) quotes.ticker(ticker({ symbol: `${asset}-USD` }), at(0, 1));
  quotes.ticker(ticker({ symbol: 'ETH-USD' }), at(1_000, 2));
  quotes.ticker(ticker({ symbol: 'SOL-USD' }), at(1_000, 2));
  quotes.ticker(ticker({ symbol: 'XRP-USD' }), at(1_000, 2));
  subscribed.delete('ETH-USD');
  halted.add('SOL-USD');
  told.length = 0;
  quotes.alive(at(2_000, 2));
  expect(told.map(({ symbol }) => symbol)).toEqual(['XRP-USD']);
});

test('a frame is no proof where the venue names its trades', () => {
  const { quotes, at, told } = createBook('trade-id-heartbeat');
  quotes.ticker(ticker(), at(0));
  quotes.alive(at(5_000));
  expect(told).toHaveLength(1);
});

test('a book confirms the known price where the venue pushes every change, and never makes a price up', () => {
  const { quotes, at, told, last } = createBook('connection-heartbeat');
  const book = { kind: 'quote', symbol: 'BTC-USD', asset: 'BTC', quote: 'USD' } as const;
  expect(quotes.book({ ...book, bid: '9', ask: '11' }, at(0))).toBe('kept');
  expect(told).toEqual([]);
  quotes.ticker(ticker({ price: '10' }), at(1));
  expect(quotes.book({ ...book, bid: '9.5', ask: '10.5' }, at(2))).toBe('told');
  expect(last()).toMatchObject({ price: decimal('10'), confirmedMonotonicMs: 2 });
  expect(quotes.book(book, at(3))).toBe('kept');
  expect(quotes.book({ ...book, symbol: 'DOGE-USD' }, at(4))).toBe('unasked');
  expect(told).toHaveLength(2);
});

test('a book alone does not confirm the last trade where trades have ids', () => {
  const { quotes, at, last } = createBook('trade-id-heartbeat');
  quotes.ticker(ticker(), at(1));
  quotes.book({ kind: 'quote', symbol: 'BTC-USD', asset: 'BTC', quote: 'USD', bid: '1' }, at(9));
  expect(last()).toMatchObject({ confirmedMonotonicMs: 1 });
  expect(quotes.unprovenSince(9)).toEqual(['ETH-USD']);
});

test('what is sent of a market that stands still is not told, and confirmed by the first proof after it', () => {
  const { quotes, at, told, halted } = createBook('connection-heartbeat');
  const book = { kind: 'quote', symbol: 'BTC-USD', asset: 'BTC', quote: 'USD', bid: '1' } as const;
  quotes.ticker(ticker({ price: '10' }), at(0));
  halted.add('BTC-USD');
  halted.add('ETH-USD');
  expect(quotes.ticker(ticker({ price: '11' }), at(1_000, 2))).toBe('kept');
  expect(quotes.ticker(ticker({ price: '3', symbol: 'ETH-USD' }), at(1_000, 2))).toBe('kept');
  expect(quotes.book(book, at(1_001, 2))).toBe('kept');
  quotes.alive(at(1_001, 2));
  expect(told).toHaveLength(1);
  halted.clear();
  quotes.alive(at(2_000, 2));
  expect(told.slice(1).map((quote) => [quote.price, quote.confirmedMonotonicMs])).toEqual([
    [decimal('11'), 2_000],
    [decimal('3'), 2_000],
  ]);
});

test('of two open connections the first to bring news is told; the other brings no duplicate and nothing older', () => {
  const { quotes, told, open, at, atSecond } = createBook('connection-heartbeat', ['BTC']);
  open.add(1).add(2);
  const time = (micros: number): string => `2026-11-20T09:59:59.794${String(micros).padStart(3, '0')}Z`;
  const take = (price: string, micros: number, arrival: Arrival): string =>
    quotes.ticker(ticker({ price, tradeTime: time(micros) }), arrival);
  expect(take('10', 1, at(0))).toBe('told');
  // All within one millisecond of the venue.
  expect(take('9', 0, atSecond(1))).toBe('older');
  expect(take('10', 1, atSecond(2))).toBe('duplicate');
  expect(take('11', 2, atSecond(3))).toBe('told');
  expect(take('12', 3, atSecond(4))).toBe('told');
  expect(take('11', 2, at(5))).toBe('older');
  expect(take('12', 3, at(6))).toBe('duplicate');
  expect(take('13', 4, at(7))).toBe('told');
  expect(told.map(({ price }) => price)).toEqual(['10', '11', '12', '13'].map(decimal));
});

test('what the venue gives no order is left to the connection that told it first', () => {
  const { quotes, open, at, atSecond } = createBook('connection-heartbeat', ['BTC']);
  open.add(1).add(2);
  expect(quotes.ticker(ticker({ price: '10' }), at(0))).toBe('told');
  expect(quotes.ticker(ticker({ price: '9' }), atSecond(1))).toBe('kept');
  expect(quotes.ticker(ticker({ price: '11' }), at(2))).toBe('told');
  expect(quotes.covers(2, () => true)).toBe(false);
  // With the first one gone there is nothing to compare with.
  open.delete(1);
  expect(quotes.ticker(ticker({ price: '12' }), at(3, 2))).toBe('told');
});

test('a second connection covers the first when it has sent something of everything that has a value and is its own', () => {
  const wanted = ['BTC', 'ETH', 'SOL', 'XRP', 'ADA'];
  const { quotes, open, halted, at, atSecond } = createBook('connection-heartbeat', wanted);
  open.add(1).add(2);
  const tell = (asset: string, second: number, arrival: Arrival): string => {
    const tradeTime = `2026-11-20T09:59:${10 + second}.000000Z`;
    return quotes.ticker(ticker({ symbol: `${asset}-USD`, asset, tradeTime }), arrival);
  };
  for (const asset of ['BTC', 'ETH', 'SOL', 'ADA']) tell(asset, 5, at(0));
  // SOL is refused there; of XRP nothing is known at all; ADA stands still.
  halted.add('ADA-USD');
  const isSubscribedThere = (symbol: string): boolean => symbol !== 'SOL-USD';
  expect(quotes.covers(2, isSubscribedThere)).toBe(false);
  expect(tell('BTC', 5, atSecond(1))).toBe('duplicate');
  expect(quotes.covers(2, isSubscribedThere)).toBe(false);
  // One that lags is there all the same, and what it catches up on is dropped.
  expect(tell('ETH', 4, atSecond(2))).toBe('older');
  expect(quotes.covers(2, isSubscribedThere)).toBe(true);
  expect(quotes.covers(3, isSubscribedThere)).toBe(false);
});

test('while two are open the first one alone proves, and after the swap the second', () => {
  const { quotes, told, open, at, atSecond } = createBook('connection-heartbeat', ['BTC']);
  open.add(1).add(2);
  const event = ticker({ tradeTime: '2026-11-20T09:59:50.000000Z', bid: '1' });
  quotes.ticker(event, at(0));
  quotes.ticker(event, atSecond(10));
  expect(quotes.book({ ...event, kind: 'quote' }, atSecond(500))).toBe('kept');
  quotes.alive(at(1_000));
  expect(told.map(({ confirmedMonotonicMs }) => confirmedMonotonicMs)).toEqual([0, 1_000]);
  open.delete(1);
  quotes.alive(at(2_000, 2));
  expect(told.at(-1)?.confirmedMonotonicMs).toBe(2_000);
});

const book = (more: Partial<QuoteEvent> = {}): QuoteEvent => ({
  kind: 'quote',
  symbol: 'BTC-USD',
  asset: 'BTC',
  quote: 'USD',
  ...more,
});
const trade = (price: string, second: number, kind: 'trade' | 'past-trade' = 'trade') =>
  ({
    kind,
    symbol: 'BTC-USD',
    asset: 'BTC',
    quote: 'USD',
    price,
    size: '1',
    side: 'buy',
    tradeTime: `2026-11-20T09:59:${second}.000000Z`,
  }) satisfies VenueEvent;

test('a book of its own channel goes with the last price, side by side, and an older one is dropped', () => {
  const { quotes, at, last } = createBook('connection-heartbeat');
  const sides = (): unknown => [last()?.bid, last()?.ask];
  quotes.ticker(ticker({ price: '10' }), at(0));
  expect(quotes.book(book({ bid: '9', ask: '11', sequence: 7 }), at(1))).toBe('told');
  expect(sides()).toEqual([decimal('9'), decimal('11')]);
  expect(quotes.book(book({ bid: '9.5', sequence: 8 }), at(2))).toBe('told');
  expect(sides()).toEqual([decimal('9.5'), decimal('11')]);
  expect(quotes.book(book({ bid: '8', sequence: 6 }), at(3))).toBe('older');
  // The bid has passed the ask that was not repeated.
  quotes.book(book({ bid: '12', sequence: 9 }), at(4));
  expect(sides()).toEqual([decimal('12'), undefined]);
  quotes.book(book({ ask: '13', sequence: 10 }), at(5_005));
  expect(sides()).toEqual([undefined, decimal('13')]);
  expect(quotes.book(book({ sequence: 11 }), at(5_006))).toBe('kept');
  quotes.ticker(ticker({ price: '10' }), at(5_007));
  expect(sides()).toEqual([undefined, undefined]);
});

test('the book of a ticker gives way to that of a channel with a later time', () => {
  const { quotes, at, last } = createBook('connection-heartbeat');
  quotes.ticker(ticker(), at(0));
  quotes.book(book({ bid: '9', ask: '11', venueTime: '2026-11-20T09:59:50.100Z' }), at(1));
  quotes.ticker(ticker({ bid: '7', ask: '8', tradeTime: '2026-11-20T09:59:50.000Z' }), at(2));
  expect(last()).toMatchObject({ bid: decimal('9'), ask: decimal('11') });
  quotes.ticker(ticker({ bid: '7', ask: '8', tradeTime: '2026-11-20T09:59:51.000Z' }), at(3));
  expect(last()).toMatchObject({ bid: decimal('7'), ask: decimal('8') });
});

test('a trade sets the last price unless a later one is known, and a past one only where nothing newer is', () => {
  const { quotes, at, told, last } = createBook('connection-heartbeat');
  const take = (...event: Parameters<typeof trade>): string => quotes.trade(trade(...event), at(event[1]));
  expect(take('10', 20, 'past-trade')).toBe('told');
  expect(take('9', 19, 'past-trade')).toBe('kept');
  expect(take('11', 21, 'past-trade')).toBe('told');
  expect(take('12', 30)).toBe('told');
  expect(last()).toMatchObject({ price: decimal('12'), tradeAtMs: Date.parse('2026-11-20T09:59:30Z') });
  expect(take('11', 29)).toBe('older');
  expect(quotes.ticker(ticker({ price: '13', tradeTime: '2026-11-20T09:59:40.000Z' }), at(40))).toBe('told');
  expect(take('12', 39)).toBe('older');
  expect(quotes.trade({ ...trade('1', 1), symbol: 'DOGE-USD' }, at(41))).toBe('unasked');
  expect(told.at(-1)?.price).toBe(decimal('13'));
});

test('where books are repeated, only frames of that symbol confirm it, and a repeated book does', () => {
  const { quotes, at, last, told } = createBook('symbol-repeat');
  quotes.ticker(ticker(), at(0));
  quotes.ticker(ticker({ symbol: 'ETH-USD' }), at(0));
  const frame = book({ bid: '84737', ask: '84738', sequence: 5, venueTime: '2026-11-20T09:59:50.000Z' });
  expect(quotes.book(frame, at(1))).toBe('told');
  quotes.alive(at(5_000));
  quotes.heartbeat({ kind: 'heartbeat', symbol: 'BTC-USD', lastTradeId: '7' }, at(5_000));
  expect(told).toHaveLength(3);
  expect(quotes.book(frame, at(6_000))).toBe('told');
  expect(last()).toMatchObject({ symbol: 'BTC-USD', confirmedMonotonicMs: 6_000 });
  expect(quotes.unprovenSince(6_000)).toEqual(['ETH-USD']);
});

test('of two open connections a book and a trade are told once, by the first to bring them', () => {
  const { quotes, open, at, atSecond, last } = createBook('symbol-repeat', ['BTC']);
  open.add(1).add(2);
  quotes.ticker(ticker(), at(0));
  const frame = (sequence: number): QuoteEvent => book({ bid: '1', ask: '2', sequence });
  expect(quotes.book(frame(1), atSecond(1))).toBe('kept');
  expect(quotes.book(frame(1), at(2))).toBe('told');
  expect(quotes.book(frame(1), atSecond(3))).toBe('duplicate');
  expect(quotes.book(frame(2), atSecond(4))).toBe('told');
  expect(quotes.book(frame(2), at(5))).toBe('duplicate');
  expect(quotes.book(frame(1), at(6))).toBe('older');
  expect(quotes.trade(trade('10', 50), at(7))).toBe('told');
  expect(quotes.trade(trade('10', 50), atSecond(8))).toBe('duplicate');
  expect(quotes.trade(trade('11', 51), atSecond(9))).toBe('told');
  expect(last()).toMatchObject({ price: decimal('11') });
  open.delete(1);
  expect(quotes.book(frame(2), at(10, 2))).toBe('told');
});

test('a trade that proves itself by its id vouches for its book only as long as for a trade', () => {
  const { quotes, at, last } = createBook('trade-id-heartbeat');
  const event = ticker({ bid: '1', ask: '2', tradeId: '7', tradeTime: '2026-11-20T09:55:00.000Z' });
  const beat = (ms: number): void =>
    quotes.heartbeat({ kind: 'heartbeat', symbol: 'BTC-USD', lastTradeId: '7' }, at(ms));
  quotes.ticker(event, at(0));
  beat(900_000);
  expect(last()).toMatchObject({ bid: decimal('1'), confirmedMonotonicMs: 900_000 });
  beat(900_001);
  expect(last()).not.toHaveProperty('bid');
  expect(last()).toMatchObject({ confirmedMonotonicMs: 900_001 });
});

test('an ack of other markets keeps what is known of those that stay', () => {
  const { quotes, at, told } = createBook('connection-heartbeat');
  quotes.ticker(ticker(), at(0));
  quotes.follow([{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' }]);
  expect(quotes.ticker(ticker({ symbol: 'ETH-USD' }), at(1))).toBe('unasked');
  expect(quotes.book(book({ bid: '1' }), at(2))).toBe('told');
  expect(told.at(-1)?.price).toBe(decimal('84737.58'));
});
