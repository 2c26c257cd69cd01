/** Sockets that REST contradicts: one that repeats what is not so any more, and all those that are right. */
import { createFakeClock, silentLogger } from '@weir/testing';
import { formatDecimal, parseDecimal } from '@weir/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { quoteOf } from '../test/sample-quote.ts';
import type { SourceQuote } from './connect/connector.ts';
import { createQuoteBook } from './keep-quotes.ts';
import { createPriceFetches } from './rest/fetch-prices.ts';

const decimal = (text: string): bigint => parseDecimal(text) ?? 0n;
const bookOf = (bid: string, ask: string): Partial<SourceQuote> => ({ bid: decimal(bid), ask: decimal(ask) });

function openBook() {
  const rejected: Record<string, number> = {};
  const book = createQuoteBook({ onRejected: (why, times) => (rejected[why] = (rejected[why] ?? 0) + times) });
  book.configure(documentWith({ sources: [{ name: 'kraken', exchange: 'kraken' }] }));
  const say = (price: string, atMs: number, more: Partial<SourceQuote> = {}): string =>
    book.record('kraken', quoteOf('BTC', price, atMs, more));
  const priceAt = (nowMs: number): string => {
    const aggregate = book.refresh('BTC', nowMs);
    if (aggregate === undefined) return 'none';
    return `${formatDecimal(aggregate.price)} ${aggregate.sources.join()} @${aggregate.confirmedMs}`;
  };
  return { book, say, priceAt, rejected };
}

test('a socket that repeats what REST says for 10 s is not so loses its vote until it says something else', () => {
  const { book, say, priceAt, rejected } = openBook();
  const stuckAt = (ms: number): string => say('100', ms, bookOf('99.9', '100.1'));
  for (let ms = 0; ms <= 60_000; ms += 1_000) {
    stuckAt(ms);
    if (ms === 30_000) say('103', ms, { via: 'prewarm', ...bookOf('102.9', '103.1') });
    expect(priceAt(ms)).toBe(`100 kraken-ws @${ms}`);
    expect(book.doubtsOf('kraken')).toEqual({ isAny: ms >= 30_000, disbelieved: 0 });
  }
  say('104', 60_500, { via: 'prewarm', ...bookOf('103.9', '104.1') });
  expect(priceAt(60_500)).toBe('104 kraken-prewarm @60500');
  expect([stuckAt(61_000), stuckAt(62_000)]).toEqual(['ignored', 'ignored']);
  expect(priceAt(62_000)).toBe('104 kraken-prewarm @60500');
  expect(rejected).toEqual({ contradicted: 2 });
  expect(book.doubtsOf('kraken')).toEqual({ isAny: true, disbelieved: 1 });
  expect(say('104.5', 63_000, bookOf('104.4', '104.6'))).toBe('changed');
  expect(priceAt(63_000)).toBe('104.5 kraken-ws @63000');
  expect(book.doubtsOf('kraken')).toEqual({ isAny: false, disbelieved: 0 });
});

test('neither one contradiction, nor two at once, nor ones of a socket that moves or is down, are held against it', () => {
  const contradict = (times: readonly number[], socket: (ms: number) => string | undefined): string => {
    const { say, priceAt } = openBook();
    for (let ms = 0; ms <= 60_000; ms += 1_000) {
      const price = socket(ms);
      if (price !== undefined) say(price, ms);
      if (times.includes(ms)) say('103', ms, { via: 'rest' });
      priceAt(ms);
    }
    say('100', 61_000);
    return priceAt(61_000);
  };
  const stands = '100 kraken-ws @61000';
  const isStuck = (): string => '100';
  expect(contradict([30_000, 50_000], isStuck)).not.toBe(stands);
  expect(contradict([30_000], isStuck)).toBe(stands);
  expect(contradict([30_000, 39_000], isStuck)).toBe(stands);
  expect(contradict([29_000, 38_000], isStuck)).toBe(stands);
  expect(contradict([30_000, 50_000], (ms) => (ms === 40_000 ? '100.1' : '100'))).toBe(stands);
  expect(contradict([30_000, 50_000], (ms) => (ms < 20_000 ? '100' : undefined))).toBe(stands);
});

test('a socket that was disbelieved is believed again at its next repetition once REST agrees with it', () => {
  const { book, say, priceAt } = openBook();
  const narrow = bookOf('102', '102.1');
  let wasDisbelieved = false;
  for (let ms = 0; ms <= 1_800_000; ms += 1_000) {
    say('102', ms, narrow);
    // A cache that is a long way behind, and then right.
    if (ms % 30_000 === 5_000) say(ms < 125_000 ? '100' : '102', ms, { via: 'prewarm' });
    const price = priceAt(ms);
    wasDisbelieved ||= book.doubtsOf('kraken').disbelieved === 1;
    if (ms > 125_000) expect(price).toBe(`102 kraken-ws @${ms}`);
  }
  expect(wasDisbelieved).toBe(true);
});

test('a book that has left its last trade is not refuted by that very trade', () => {
  const { say, priceAt, rejected } = openBook();
  for (let ms = 0; ms <= 1_200_000; ms += 1_000) {
    const book = ms < 60_000 ? bookOf('99.9', '100.1') : bookOf('103', '103.5');
    say('100', ms, book);
    // Of bare last prices.
    if (ms % 30_000 === 0) say('100', ms, { via: 'prewarm' });
    expect(priceAt(ms)).toBe(`${ms < 60_000 ? 100 : 103} kraken-ws @${ms}`);
  }
  expect(rejected['contradicted']).toBeUndefined();
});

test('property: what is alive is never refuted by its own last prices, as REST tells them up to 35 s late', () => {
  const move = fc.record({
    second: fc.integer({ min: 1, max: 600 }),
    kind: fc.constantFrom('book', 'trade'),
    price: fc.integer({ min: 95, max: 105 }),
  });
  const drawn = {
    moves: fc.array(move, { maxLength: 12 }),
    lagS: fc.integer({ min: 0, max: 35 }),
    everyS: fc.constantFrom(2, 10, 30, 60),
    hasRestBook: fc.boolean(),
  };
  fc.assert(
    fc.property(fc.record(drawn), ({ moves, lagS, everyS, hasRestBook }) => {
      const { say, priceAt, rejected } = openBook();
      const bySecond = new Map(moves.map((one) => [one.second, one]));
      const known: { readonly last: string; readonly book: Partial<SourceQuote> }[] = [];
      let [last, middle] = ['100', 100];
      for (let second = 0; second <= 600; second += 1) {
        const { kind, price } = bySecond.get(second) ?? {};
        if (price !== undefined) middle = price;
        if (kind === 'trade') last = String(price);
        known.push({ last, book: bookOf(String(middle - 0.05), String(middle + 0.05)) });
        const told = known[Math.max(0, second - lagS)];
        say(last, second * 1_000, known[second]?.book);
        if (second % everyS === 0 && told !== undefined)
          say(told.last, second * 1_000, { via: 'prewarm', ...(hasRestBook && told.book) });
        priceAt(second * 1_000);
      }
      expect(rejected['contradicted']).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

/** One source whose market stops sending at 60 s, and REST beside it; looks at every second. */
async function watchFrozen(change: { readonly publishesFromMs?: number; readonly isFallbackEnabled?: boolean } = {}) {
  const { publishesFromMs = 0, isFallbackEnabled = true } = change;
  const clock = createFakeClock();
  const { book, say, priceAt } = openBook();
  const fetches = createPriceFetches({
    clock,
    logger: silentLogger,
    fetcher: {
      async batch(markets) {
        const confirmedMonotonicMs = clock.monotonicMs();
        const price = confirmedMonotonicMs < 60_000 ? '100' : '110';
        return { kind: 'ok', value: markets.map((market) => ({ ...market, price, confirmedMonotonicMs })) };
      },
    },
    mayAsk: () => clock.monotonicMs() >= publishesFromMs,
    isHalted: () => false,
    onQuote: (quote) => book.record('kraken', quote),
    isDoubted: () => book.doubtsOf('kraken').isAny,
  });
  fetches.note('live');
  fetches.follow({
    markets: [{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' }],
    isFallbackEnabled,
    batchIntervalMs: 2_000,
    prewarm: () => ({ intervalMs: 30_000, includes: () => true }),
  });
  const seen: { readonly ms: number; readonly price: string; readonly ageMs: number }[] = [];
  for (let ms = 0; ms <= 600_000; ms += 1_000) {
    say('100', ms, bookOf('100', '100'));
    if (ms === publishesFromMs) fetches.review();
    await clock.advance(0);
    const [price = '', , at = ''] = priceAt(ms).split(' ');
    if (ms >= publishesFromMs) seen.push({ ms, price, ageMs: ms - Number(at.slice(1)) });
    await clock.advance(1_000);
  }
  fetches.stop();
  return seen;
}

test('REST, where it has the vote of a socket, keeps it: its prices come at the pace of the fallback', async () => {
  const seen = await watchFrozen();
  expect(Math.max(...seen.map(({ ageMs }) => ageMs))).toBeLessThanOrEqual(2_000);
  const wrong = seen.filter(({ ms, price }) => ms >= 60_000 && price === '100');
  // The prewarm at 60 s doubts it, and 10 s later it is refuted.
  expect(wrong.at(-1)?.ms).toBeLessThanOrEqual(70_000);
  expect(wrong.length).toBeGreaterThan(0);
  const old = await watchFrozen({ isFallbackEnabled: false });
  expect(Math.max(...old.map(({ ageMs }) => ageMs))).toBeGreaterThan(20_000);
});

test('whoever takes over has refuted a frozen socket of its own 10 s after its first batch', async () => {
  const seen = await watchFrozen({ publishesFromMs: 300_000 });
  const wrong = seen.filter(({ price }) => price === '100');
  expect(wrong.at(-1)?.ms).toBeLessThanOrEqual(310_000);
  expect(Math.max(...seen.map(({ ageMs }) => ageMs))).toBeLessThanOrEqual(2_000);
});
