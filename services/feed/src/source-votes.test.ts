/** What sources say, and for how long: ages of trades that nobody tells, and two sources that differ. */
import { formatDecimal, parseDecimal, type FeedDocument } from '@weir/wire';
import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { quoteOf } from '../test/sample-quote.ts';
import type { SourceQuote } from './connect/connector.ts';
import { createQuoteBook } from './keep-quotes.ts';

const MINUTE_MS = 60_000;
const decimal = (text: string): bigint => parseDecimal(text) ?? 0n;
const bookOf = (bid: string, ask: string): Partial<SourceQuote> => ({ bid: decimal(bid), ask: decimal(ask) });

function openBook(names: readonly string[] = ['coinbase'], change: Partial<FeedDocument> = {}) {
  const rejected: Record<string, number> = {};
  const book = createQuoteBook({ onRejected: (why, times) => (rejected[why] = (rejected[why] ?? 0) + times) });
  const sources = names.map((name) => ({ name, exchange: name }));
  book.configure(documentWith({ sources, ...change }));
  const say = (source: string, price: string, atMs: number, more: Partial<SourceQuote> = {}): string =>
    book.record(source, quoteOf('BTC', price, atMs, more));
  const priceAt = (nowMs: number): string => {
    const aggregate = book.refresh('BTC', nowMs);
    if (aggregate === undefined) return 'none';
    const { price, sources: by, confirmedMs, flags } = aggregate;
    return [formatDecimal(price), by.join(), `@${confirmedMs}`, ...flags].join(' ');
  };
  return { book, say, priceAt, rejected };
}

test('what REST says without a time and a book is the trade that the socket told, as old as that', () => {
  const { say, priceAt, rejected } = openBook();
  const nowMs = 360 * MINUTE_MS;
  // The last trade is six hours old, and the socket says so.
  expect(say('coinbase', '10', nowMs, { tradeAtMs: 0 })).toBe('ignored');
  for (const via of ['prewarm', 'rest'] as const) expect(say('coinbase', '10', nowMs + 50, { via })).toBe('ignored');
  expect(priceAt(nowMs + 100)).toBe('none');
  expect(rejected).toEqual({ 'old-trade': 3 });
  // Another price is another trade, and what a book stands beside is current.
  expect(say('coinbase', '11', nowMs + 200, { via: 'prewarm' })).toBe('changed');
  expect(priceAt(nowMs + 200)).toBe(`11 coinbase-prewarm @${nowMs + 200} single`);
  expect(say('coinbase', '10', nowMs + 300, { via: 'rest', ...bookOf('9.99', '10.01') })).toBe('changed');
  expect(priceAt(nowMs + 300)).toBe(`10 coinbase-rest @${nowMs + 300} single`);
});

test('the trade that the socket told grows too old in the words of REST as well', () => {
  const { say, priceAt } = openBook();
  say('coinbase', '10', 0, { tradeAtMs: 0 });
  for (let ms = 0; ms <= 15 * MINUTE_MS; ms += 2_000) say('coinbase', '10', ms, { via: 'rest' });
  expect(priceAt(15 * MINUTE_MS)).toBe('10 coinbase-rest @900000 single');
  expect(say('coinbase', '10', 15 * MINUTE_MS + 2_000, { via: 'rest' })).toBe('ignored');
  expect(priceAt(15 * MINUTE_MS + 2_000)).toBe('10 coinbase-rest @900000 single');
});

test('what the socket has never told of counts by REST for 15 minutes after it was the last price first', () => {
  const { say, priceAt } = openBook();
  for (let ms = 0; ms <= 20 * MINUTE_MS; ms += 30_000) {
    say('coinbase', '10', ms, { via: 'prewarm' });
    priceAt(ms);
  }
  expect(priceAt(20 * MINUTE_MS)).toBe('10 coinbase-prewarm @900000 single');
  expect(say('coinbase', '10.1', 21 * MINUTE_MS, { via: 'prewarm' })).toBe('changed');
});

test('a last price whose time nobody tells is as old as its value, whatever confirms it', () => {
  const { say, priceAt, rejected } = openBook(['kraken']);
  const wide = bookOf('99', '105');
  for (let ms = 0; ms <= 15 * MINUTE_MS; ms += 1_000) expect(say('kraken', '100', ms, wide)).not.toBe('ignored');
  expect(priceAt(15 * MINUTE_MS)).toBe('100 kraken-ws @900000 single');
  expect(say('kraken', '100', 15 * MINUTE_MS + 1, wide)).toBe('ignored');
  expect(priceAt(15 * MINUTE_MS + 1)).toBe('100 kraken-ws @900000 single');
  expect(rejected).toEqual({ 'old-trade': 1 });
  // A narrow book makes it current; so does a trade.
  expect(say('kraken', '100', 16 * MINUTE_MS, bookOf('99.9', '100.1'))).toBe('changed');
  expect(say('kraken', '100', 16 * MINUTE_MS + 1, wide)).toBe('ignored');
  expect(say('kraken', '100.5', 16 * MINUTE_MS + 2, wide)).toBe('changed');
});

test('a last price that its wide book contradicts is held by the book', () => {
  const { say, priceAt } = openBook(['kraken']);
  say('kraken', '100', 0, bookOf('140', '145'));
  expect(priceAt(0)).toBe('140 kraken-ws @0 single');
});

test('of two that differ the one that is stuck gives way after 5 s, and the price goes on being disputed', () => {
  const { say, priceAt } = openBook(['kraken', 'coinbase']);
  let disputedSinceMs: number | undefined;
  for (let second = 0; second <= 600; second += 1) {
    const ms = second * 1_000;
    const truth = String(100_000 + 10 * second);
    // Its heartbeats go on, its tickers do not.
    say('kraken', '100000', ms);
    say('coinbase', truth, ms);
    const price = priceAt(ms);
    if (!price.endsWith('disputed')) continue;
    disputedSinceMs ??= ms;
    if (ms - disputedSinceMs >= 5_000) expect(price).toBe(`${truth} coinbase-ws @${ms} disputed`);
  }
  expect(disputedSinceMs).toBe(51_000);
});

test('without any news a dispute is decided when its time has come', () => {
  const { say, priceAt } = openBook(['kraken', 'coinbase'], {
    freshness: { freshMs: 60_000, staleMs: 60_000, deadMs: 60_000 },
  });
  say('kraken', '100', 0);
  priceAt(0);
  say('coinbase', '101', 6_000);
  expect(priceAt(6_000)).toBe('100 kraken-ws @0 disputed');
  expect(priceAt(10_999)).toBe('100 kraken-ws @0 disputed');
  expect(priceAt(11_000)).toBe('101 coinbase-ws @6000 disputed');
});

test('of two that differ and both move, the first of the document stands after 5 s, and not one after the other', () => {
  const { say, priceAt } = openBook(['kraken', 'coinbase']);
  const seen: string[] = [];
  say('coinbase', '101', 0);
  priceAt(0);
  for (let ms = 100; ms <= 30_000; ms += 100) {
    // Both are alive; the first one moves every 4 s, so the other has always moved later but for a moment.
    say('kraken', String(100 + (Math.floor(ms / 4_000) % 2) * 0.01), ms);
    say('coinbase', String(101 + (Math.floor(ms / 100) % 2) * 0.01), ms);
    const by = priceAt(ms).split(' ')[1] ?? '';
    if (seen.at(-1) !== by) seen.push(by);
  }
  expect(seen).toEqual(['coinbase-ws', 'kraken-ws']);
});

test('a dispute is over when the two agree, or a third one speaks', () => {
  const { say, priceAt } = openBook(['kraken', 'coinbase', 'gemini']);
  const bothAt = (ms: number, kraken: string, coinbase: string): string => {
    say('kraken', kraken, ms);
    say('coinbase', coinbase, ms);
    return priceAt(ms);
  };
  for (let ms = 0; ms < 10_000; ms += 1_000) bothAt(ms, '100', String(101 + ms / 100_000));
  expect(bothAt(10_000, '100', '101.1')).toBe('101.1 coinbase-ws @10000 disputed');
  expect(bothAt(11_000, '101', '101.1')).toBe('101.05 kraken-ws,coinbase-ws @11000');
  // What comes after that is another one: at first the nearer one stands.
  expect(bothAt(12_000, '101', '102')).toBe('101 kraken-ws @12000 disputed');
  say('gemini', '102', 12_100);
  expect(priceAt(12_100)).toBe('102 kraken-ws,coinbase-ws,gemini-ws @12000');
});

test('a socket that repeats what REST says twice is not so loses its vote until it says something else', () => {
  const { say, priceAt, rejected } = openBook(['kraken']);
  const stuck = bookOf('99.9', '100.1');
  const stuckAt = (ms: number): string => say('kraken', '100', ms, stuck);
  for (let ms = 0; ms <= 60_000; ms += 1_000) {
    stuckAt(ms);
    if (ms === 30_000) say('kraken', '103', ms, { via: 'prewarm', ...bookOf('102.9', '103.1') });
    expect(priceAt(ms)).toBe(`100 kraken-ws @${ms} single`);
  }
  say('kraken', '104', 60_500, { via: 'prewarm', ...bookOf('103.9', '104.1') });
  expect(priceAt(60_500)).toBe('104 kraken-prewarm @60500 single');
  expect([stuckAt(61_000), stuckAt(62_000)]).toEqual(['ignored', 'ignored']);
  expect(priceAt(62_000)).toBe('104 kraken-prewarm @60500 single');
  expect(rejected).toEqual({ contradicted: 2 });
  expect(say('kraken', '104.5', 63_000, bookOf('104.4', '104.6'))).toBe('changed');
  expect(priceAt(63_000)).toBe('104.5 kraken-ws @63000 single');
});

test('neither one contradiction, nor two at once, nor ones of a socket that moves or is down, are held against it', () => {
  const contradict = (times: readonly number[], socket: (ms: number) => string | undefined): string => {
    const { say, priceAt } = openBook(['kraken']);
    for (let ms = 0; ms <= 60_000; ms += 1_000) {
      const price = socket(ms);
      if (price !== undefined) say('kraken', price, ms);
      if (times.includes(ms)) say('kraken', '103', ms, { via: 'rest' });
      priceAt(ms);
    }
    say('kraken', '100', 61_000);
    return priceAt(61_000);
  };
  const stands = '100 kraken-ws @61000 single';
  const isStuck = (): string => '100';
  expect(contradict([30_000, 50_000], isStuck)).not.toBe(stands);
  expect(contradict([30_000], isStuck)).toBe(stands);
  expect(contradict([30_000, 32_000], isStuck)).toBe(stands);
  expect(contradict([30_000, 50_000], (ms) => (ms === 40_000 ? '100.1' : '100'))).toBe(stands);
  expect(contradict([30_000, 50_000], (ms) => (ms < 20_000 ? '100' : undefined))).toBe(stands);
});

test('a source whose symbol for an asset is another one starts without a value, and the new one is no leap', () => {
  const { book, say, priceAt, rejected } = openBook(['coinbase', 'kraken']);
  const withSymbols = (symbols: Readonly<Record<string, string>>): void =>
    book.configure(
      documentWith({
        sources: [
          { name: 'coinbase', exchange: 'coinbase', symbols },
          { name: 'kraken', exchange: 'kraken' },
        ],
      }),
    );
  withSymbols({ BTC: 'WRONG-USD', ETH: 'ETH-USD' });
  say('coinbase', '5', 0);
  book.record('coinbase', quoteOf('ETH', '3', 0));
  expect(priceAt(0)).toBe('5 coinbase-ws @0 single');
  withSymbols({ BTC: 'BTC-USD', ETH: 'ETH-USD' });
  say('coinbase', '100', 6_000);
  expect(priceAt(6_000)).toBe('100 coinbase-ws @6000 single');
  expect(rejected).toEqual({});
  expect(formatDecimal(book.refresh('ETH', 6_000)?.price ?? 0n)).toBe('3');
});
