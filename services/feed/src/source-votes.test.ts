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
  say('coinbase', '100', 0);
  priceAt(0);
  say('coinbase', '101', 6_000);
  expect(priceAt(6_000)).toBe('100 kraken-ws @0 disputed');
  expect(priceAt(10_999)).toBe('100 kraken-ws @0 disputed');
  expect(priceAt(11_000)).toBe('101 coinbase-ws @6000 disputed');
});

/** Who stands, one after the other, of two that are confirmed ten times a second. */
function standing(
  kraken: (ms: number) => number | undefined,
  coinbase: (ms: number) => number,
  untilMs = 60_000,
): string[] {
  const { say, priceAt } = openBook(['kraken', 'coinbase']);
  const seen: string[] = [];
  for (let ms = 0; ms <= untilMs; ms += 100) {
    const first = kraken(ms);
    if (first !== undefined) say('kraken', String(first), ms);
    say('coinbase', String(coinbase(ms)), ms);
    const by = priceAt(ms).split(' ')[1] ?? '';
    if (seen.at(-1) !== by) seen.push(by);
  }
  return seen;
}
const turnsOf = (ms: number, everyMs: number): number => Math.floor(ms / everyMs) % 2;

test('of two that differ and both move the one that stood goes on, and not one after the other', () => {
  const kraken = (ms: number): number => 100 + turnsOf(ms, 4_000) * 0.2;
  // Both are alive; the first one moves every 4 s, so the other has always moved later but for a moment.
  const coinbase = (ms: number): number => 101 + turnsOf(ms, 100) * 0.2;
  expect(standing(kraken, coinbase)).toEqual(['kraken-ws']);
  expect(standing(coinbase, kraken)).toEqual(['kraken-ws']);
});

test('of two that differ a still one is not left for one that wobbles about another price, whichever is listed first', () => {
  const isStill = (): number => 1;
  const wobbles = (ms: number): number => 0.985 - turnsOf(ms, 7_000) * 0.001;
  expect(standing(isStill, wobbles, 600_000)).toEqual(['kraken-ws']);
  expect(standing((ms) => (ms < 1_000 ? undefined : wobbles(ms)), isStill, 600_000)).toEqual(['coinbase-ws']);
});

test('one that has left for good is followed, and so is one that goes further than a wobble while the other is still', () => {
  const isStill = (): number => 100;
  expect(standing(isStill, (ms) => (ms < 10_000 ? 100 : 85 + turnsOf(ms, 1_000) * 0.01)).at(-1)).toBe('coinbase-ws');
  // A quarter of the 50 bps that they may differ by.
  expect(standing(isStill, (ms) => 99 - turnsOf(ms, 7_000) * 0.12)).toEqual(['kraken-ws']);
  expect(standing(isStill, (ms) => 99 - turnsOf(ms, 7_000) * 0.13)).toEqual(['kraken-ws', 'coinbase-ws']);
});

test('a dispute is over when the two agree, or a third one speaks', () => {
  const { say, priceAt } = openBook(['kraken', 'coinbase', 'gemini']);
  const bothAt = (ms: number, kraken: string, coinbase: string): string => {
    say('kraken', kraken, ms);
    say('coinbase', coinbase, ms);
    return priceAt(ms);
  };
  for (let ms = 0; ms < 10_000; ms += 1_000) bothAt(ms, '100', String(101 + ms / 50_000));
  expect(bothAt(10_000, '100', '101.2')).toBe('101.2 coinbase-ws @10000 disputed');
  expect(bothAt(11_000, '101', '101.2')).toBe('101.1 kraken-ws,coinbase-ws @11000');
  // What comes after that is another one: at first the nearer one stands.
  expect(bothAt(12_000, '101', '102')).toBe('101 kraken-ws @12000 disputed');
  say('gemini', '102', 12_100);
  expect(priceAt(12_100)).toBe('102 kraken-ws,coinbase-ws,gemini-ws @12000');
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
