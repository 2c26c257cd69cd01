import { formatDecimal, parseDecimal, type FeedDocument } from '@weir/wire';
import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { quoteOf } from '../test/sample-quote.ts';
import type { SourceQuote } from './connect/connector.ts';
import { createQuoteBook, type Rejection } from './keep-quotes.ts';

const ALL = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];

/** A book of so many of all exchanges, and what it has turned down. */
function openBook(count: number, change: Partial<FeedDocument> = {}) {
  const rejected: Partial<Record<Rejection, number>> = {};
  const book = createQuoteBook({
    onRejected: (why, times) => (rejected[why] = (rejected[why] ?? 0) + times),
  });
  const sources = ALL.slice(0, count).map((name) => ({ name, exchange: name }));
  const configure = (more: Partial<FeedDocument> = {}): void =>
    book.configure(documentWith({ sources, ...change, ...more }));
  configure();
  const say = (source: string, price: string, atMs: number, more: Partial<SourceQuote> = {}): string =>
    book.record(source, quoteOf('BTC', price, atMs, more));
  const priceAt = (nowMs: number): string => {
    const aggregate = book.refresh('BTC', nowMs);
    if (aggregate === undefined) return 'none';
    const { price, sources: by, confirmedMs, flags } = aggregate;
    return [formatDecimal(price), by.map((one) => one.slice(0, -3)).join(), `@${confirmedMs}`, ...flags].join(' ');
  };
  return { book, rejected, configure, say, priceAt };
}

const usdt = (source: string): Partial<SourceQuote> => ({ quote: 'USDT', symbol: `BTC_USDT_${source}` });
const decimal = (text: string): bigint => parseDecimal(text) ?? 0n;

test('a source is worth its last price as its book allows it', () => {
  const { say, priceAt, rejected } = openBook(1);
  say('coinbase', '100', 0, { bid: decimal('100.2'), ask: decimal('100.3') });
  expect(priceAt(0)).toBe('100.2 coinbase @0 single');
  expect(say('coinbase', '100', 10, { bid: decimal('100.5'), ask: decimal('100.3') })).toBe('ignored');
  // What it said before stands, and grows older.
  expect(priceAt(20)).toBe('100.2 coinbase @0 single');
  expect(rejected).toEqual({ crossed: 1 });
});

test('a trade that is too old is no price where no book stands beside it', () => {
  const { say, priceAt, rejected } = openBook(1);
  const nowMs = 2_000_000;
  expect(say('coinbase', '100', nowMs, { tradeAtMs: nowMs - 900_001 })).toBe('ignored');
  expect(priceAt(nowMs)).toBe('none');
  expect(rejected).toEqual({ 'old-trade': 1 });
  say('coinbase', '100', nowMs, { tradeAtMs: nowMs - 900_001, bid: decimal('99.9'), ask: decimal('100.1') });
  expect(priceAt(nowMs)).toBe('100 coinbase @2000000 single');
});

test('a leap of one source alone is believed after 5 s, and meanwhile its price grows older', () => {
  const { say, priceAt, rejected } = openBook(1);
  say('coinbase', '100', 0);
  expect(priceAt(0)).toBe('100 coinbase @0 single');
  for (let ms = 1_000; ms < 6_000; ms += 1_000) {
    expect(say('coinbase', '130', ms)).toBe('changed');
    expect(priceAt(ms)).toBe('100 coinbase @0 single');
  }
  say('coinbase', '130', 6_000);
  expect(priceAt(6_000)).toBe('130 coinbase @6000 single');
  expect(rejected).toEqual({ jump: 1 });
});

test('a leap that is taken back was none', () => {
  const { say, priceAt } = openBook(1);
  for (const [ms, price] of [
    [0, '100'],
    [1_000, '130'],
    [4_000, '101'],
    [5_000, '130'],
    [9_000, '130'],
  ] as const) {
    say('coinbase', price, ms);
    priceAt(ms);
  }
  expect(priceAt(9_000)).toBe('101 coinbase @4000 single');
});

test('a leap is believed at once when a second source says the same, in whatever order they say it', () => {
  for (const order of [
    ['coinbase', 'kraken'],
    ['kraken', 'coinbase'],
  ]) {
    const { say, priceAt } = openBook(2);
    for (const source of order) say(source, '100', 0);
    priceAt(0);
    for (const source of order) say(source, source === 'coinbase' ? '130' : '130.2', 1_000);
    expect(priceAt(1_000)).toBe('130.1 coinbase,kraken @1000');
  }
});

test('a source that was away for longer than it votes has no word to keep', () => {
  const { say, priceAt } = openBook(1);
  say('coinbase', '100', 0);
  priceAt(0);
  say('coinbase', '200', 15_001);
  expect(priceAt(15_001)).toBe('200 coinbase @15001 single');
});

test('a change of more than 10 % that no second source confirms is held for 3 s, and says so', () => {
  const { say, priceAt, rejected } = openBook(1);
  say('coinbase', '100', 0);
  priceAt(0);
  say('coinbase', '111', 1_000);
  expect(priceAt(1_000)).toBe('100 coinbase @0 single hold');
  expect(say('coinbase', '111', 2_000)).toBe('changed');
  expect(priceAt(3_999)).toBe('100 coinbase @0 single hold');
  // By itself: nobody says anything.
  expect(priceAt(4_000)).toBe('111 coinbase @2000 single');
  expect(rejected).toEqual({ hold: 1 });
});

test('a leap by which a dispute is decided is 8 s late at most, and what follows it is not held again', () => {
  const { say, priceAt, rejected } = openBook(2);
  const seen: string[] = [];
  for (let ms = 0; ms <= 30_000; ms += 500) {
    // Stuck, as it says the same and that it is current.
    say('coinbase', '100', ms);
    say('kraken', ms < 10_000 ? '100' : String(85 + ms / 50_000), ms);
    const [price, , , ...flags] = priceAt(ms).split(' ');
    const line = `${Number(price) > 99 ? 'before' : 'after'} ${flags.join()} from ${ms}`;
    if (seen.at(-1)?.split(' from ')[0] !== line.split(' from ')[0]) seen.push(line);
  }
  expect(seen).toEqual([
    'before  from 0',
    'before disputed from 10000',
    'before disputed,hold from 15000',
    'after disputed from 18000',
  ]);
  expect(rejected['hold']).toBe(1);
});

test('a change of more than 10 % in small steps is one as well, over 5 s', () => {
  const { say, priceAt } = openBook(1);
  const steps = (pauseMs: number): string => {
    for (let step = 0; step <= 11; step += 1) {
      say('coinbase', String(100 + step), step * pauseMs);
      priceAt(step * pauseMs);
    }
    return priceAt(11 * pauseMs);
  };
  expect(steps(450)).toBe('110 coinbase @4500 single hold');
  const slow = openBook(1);
  for (let step = 0; step <= 11; step += 1) {
    slow.say('coinbase', String(100 + step), step * 1_000);
    slow.priceAt(step * 1_000);
  }
  expect(slow.priceAt(11_000)).toBe('111 coinbase @11000 single');
});

test('a change that two sources agree on is not held', () => {
  const { say, priceAt } = openBook(3);
  for (const source of ['coinbase', 'kraken', 'gemini']) say(source, '100', 0);
  priceAt(0);
  say('coinbase', '115', 1_000);
  expect(priceAt(1_000)).toBe('100 kraken,gemini @0');
  say('kraken', '115.2', 1_001);
  expect(priceAt(1_001)).toBe('115.1 coinbase,kraken @1000');
});

test('prices in USDT are votes of a feed in dollars, by a rate of USDT that is no part of them', () => {
  const { book, say, priceAt, rejected } = openBook(6);
  say('okx', '100', 0, usdt('okx'));
  expect(priceAt(0)).toBe('none');
  say('coinbase', '100', 0);
  expect(priceAt(0)).toBe('100 coinbase @0 single depeg');
  expect(rejected).toEqual({ depeg: 2 });
  // USDT is no asset of this feed.
  expect(book.record('coinbase', quoteOf('USDT', '1.001', 0))).toBe('confirmed');
  expect(priceAt(1)).toBe('100.05 coinbase,okx @0');
  book.record('kraken', quoteOf('USDT', '1.003', 0));
  // By the rate of the last tick, for a second.
  expect(priceAt(500)).toBe('100.05 coinbase,okx @0');
  expect(priceAt(1_001)).toBe('100.1 coinbase,okx @0');
  expect(formatDecimal(book.overview(1_001).usdtRate ?? 0n)).toBe('1.002');
  expect(book.record('okx', quoteOf('BTC', '100', 1_002, { quote: 'EUR' }))).toBe('ignored');
});

test.each([
  ['further from a dollar than 2 %', '0.979', 1_001],
  ['above it by more', '1.021', 1_001],
])('while USDT is %s its prices are left out, and the price says so', (_name, rate, nowMs) => {
  const { book, say, priceAt } = openBook(6);
  say('coinbase', '100', 0);
  say('okx', '100', 0, usdt('okx'));
  book.record('coinbase', quoteOf('USDT', rate, 0));
  expect(priceAt(nowMs)).toBe('100 coinbase @0 single depeg');
  expect(book.overview(nowMs)).toEqual({ bySources: new Map([[1, 1]]), depegged: 1, usdtRate: undefined });
});

test('an asset of sources in USDT alone has no price without a rate, and is counted among those that say so', () => {
  const { book, say, priceAt } = openBook(6);
  say('okx', '100', 0, usdt('okx'));
  expect(priceAt(0)).toBe('none');
  expect([book.overview(0).depegged, book.hasUsdtRate(0)]).toEqual([1, false]);
  book.record('coinbase', quoteOf('USDT', '1', 0));
  expect([book.hasUsdtRate(0), priceAt(0)]).toEqual([true, '100 okx @0 single']);
  expect(book.overview(0).depegged).toBe(0);
});

test('a rate is good for a minute', () => {
  const { book, say, priceAt } = openBook(6);
  book.record('coinbase', quoteOf('USDT', '1', 0));
  expect(priceAt(0)).toBe('none');
  say('okx', '100', 60_000, usdt('okx'));
  expect(priceAt(60_000)).toBe('100 okx @60000 single');
  // The price stands for want of another, and says why.
  expect(priceAt(60_001)).toBe('100 okx @60000 single depeg');
  book.record('coinbase', quoteOf('USDT', '1', 61_000));
  expect(priceAt(61_000)).toBe('100 okx @60000 single');
});

test('a feed that is not in dollars converts nothing', () => {
  const { say, priceAt } = openBook(6, { quote: 'EUR' });
  expect(say('okx', '100', 0, usdt('okx'))).toBe('ignored');
  expect(priceAt(0)).toBe('none');
});

test('a source has one vote: its socket before REST before the prewarm, unless that is no longer fresh', () => {
  const { book, say } = openBook(1);
  const labelAt = (nowMs: number): unknown => book.refresh('BTC', nowMs)?.sources;
  say('coinbase', '100', 0, { via: 'prewarm' });
  expect(labelAt(0)).toEqual(['coinbase-prewarm']);
  say('coinbase', '100.1', 1_000, { via: 'rest' });
  expect(labelAt(1_000)).toEqual(['coinbase-rest']);
  say('coinbase', '100.2', 500, { via: 'ws' });
  expect(labelAt(1_000)).toEqual(['coinbase-ws']);
  say('coinbase', '100.3', 5_400, { via: 'rest' });
  expect(labelAt(5_500)).toEqual(['coinbase-ws']);
  expect(labelAt(5_501)).toEqual(['coinbase-rest']);
  say('coinbase', '100.2', 5_600);
  expect(labelAt(5_600)).toEqual(['coinbase-ws']);
  // No longer fresh either of them, the newer one votes.
  expect(labelAt(10_601)).toEqual(['coinbase-ws']);
  expect(book.withdraw('coinbase', 'BTC')).toBe(true);
  expect(book.refresh('BTC', 10_602)).toMatchObject({ confirmedMs: 5_600 });
});

test('a price is published with the votes of aging sources, and without those of stale ones', () => {
  const { say, priceAt } = openBook(2, { aggregation: { method: 'Median', minSources: 2, maxDeviationBps: 50 } });
  say('coinbase', '100', 0);
  say('kraken', '100.2', 14_000);
  expect(priceAt(15_000)).toBe('100.1 coinbase,kraken @0');
  say('kraken', '100.4', 15_001);
  expect(priceAt(15_001)).toBe('100.1 coinbase,kraken @0');
});
