import { formatDecimal, type FeedDocument } from '@weir/wire';
import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { quoteOf } from '../test/sample-quote.ts';
import { createQuoteBook, type QuoteBook, type Verdict } from './keep-quotes.ts';

function bookWith(document: FeedDocument): QuoteBook {
  const book = createQuoteBook();
  book.configure(document);
  return book;
}

function say(book: QuoteBook, source: string, price: string, confirmedMs: number, asset = 'BTC'): Verdict {
  return book.record(source, quoteOf(asset, price, confirmedMs));
}

function priceOf(book: QuoteBook, nowMs: number): string | undefined {
  const aggregate = book.refresh('BTC', nowMs);
  return aggregate && `${formatDecimal(aggregate.price)} ${aggregate.sources.join(',')} @${aggregate.confirmedMs}`;
}

test('keeps the last price, with the age it has, when every source has gone stale', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 1_000);
  expect(priceOf(book, 2_000)).toBe('100 coinbase-ws @1000');
  expect(priceOf(book, 90_000)).toBe('100 coinbase-ws @1000');
});

test('takes no quote of an unknown source or asset, none of zero and none that is older than the last', () => {
  const book = bookWith(documentWith());
  expect(say(book, 'gemini', '100', 1)).toBe('ignored');
  expect(say(book, 'kraken', '100', 1, 'SOL')).toBe('ignored');
  expect(say(book, 'kraken', '0', 1)).toBe('ignored');
  expect(say(book, 'kraken', '100', 5)).toBe('changed');
  expect(say(book, 'kraken', '90', 4)).toBe('ignored');
  expect(priceOf(book, 6)).toBe('100 kraken-ws @5');
});

test('tells a change from a mere confirmation; the same price after a silence may be a change', () => {
  const book = bookWith(documentWith());
  expect(say(book, 'kraken', '100', 0)).toBe('changed');
  expect(say(book, 'kraken', '100', 5_000)).toBe('confirmed');
  expect(say(book, 'kraken', '100', 10_001)).toBe('changed');
  expect(say(book, 'kraken', '100.1', 10_002)).toBe('changed');
});

test('leaves out a vote from the moment it goes stale, although nobody has said anything', () => {
  const book = bookWith(documentWith({ aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 500 } }));
  say(book, 'coinbase', '100', 1_000);
  say(book, 'kraken', '101', 4_000);
  expect(priceOf(book, 16_000)).toBe('100.5 coinbase-ws,kraken-ws @1000');
  expect(priceOf(book, 16_001)).toBe('101 kraken-ws @4000');
});

test('a vote that is stale has no part in anything', () => {
  const book = bookWith(documentWith());
  say(book, 'kraken', '115', 0);
  say(book, 'coinbase', '100', 20_000);
  const before = book.refresh('BTC', 20_000);
  say(book, 'coinbase', '100', 21_000);
  const after = book.refresh('BTC', 21_000);
  expect(after?.confirmedMs).toBe(21_000);
  // The same list: the votes were seen to be those of before, and not counted anew.
  expect(after?.sources).toBe(before?.sources);
  // It vouches for no leap either.
  say(book, 'coinbase', '115', 22_000);
  expect(book.refresh('BTC', 22_000)?.flags).toContain('hold');
});

test('answers the same object until value or confirmation moves', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 10);
  const first = book.refresh('BTC', 20);
  expect(book.refresh('BTC', 9_000)).toBe(first);
  say(book, 'coinbase', '100', 30);
  expect(book.refresh('BTC', 9_000)).not.toBe(first);
});

test('counts only prices that were confirmed within the fresh time', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 0, 'BTC');
  say(book, 'coinbase', '10', 4_000, 'ETH');
  expect([book.countFresh(5_000), book.countFresh(5_001), book.countFresh(9_001)]).toEqual([2, 1, 0]);
});

test('counts in a large feed what was fresh when it was looked at a moment ago', () => {
  const assets = Array.from({ length: 1_200 }, (_, index) => `A${index}`);
  const book = bookWith(documentWith({ assets }));
  for (const asset of assets) {
    say(book, 'coinbase', '100', 0, asset);
    book.refresh(asset, 4_900);
    say(book, 'coinbase', '100', 4_950, asset);
  }
  expect(book.countFresh(6_000)).toBe(1_200);
  expect(book.countFresh(6_901)).toBe(1_000);
});

test('a new document forgets what it does not list and keeps the rest', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 10);
  say(book, 'kraken', '102', 10);
  const [coinbase] = documentWith().sources;
  book.configure(documentWith({ assets: ['BTC'], sources: coinbase ? [coinbase] : [] }));
  expect(priceOf(book, 20)).toBe('100 coinbase-ws @10');
  expect(book.refresh('ETH', 20)).toBeUndefined();
});

test('a source that now means another exchange starts without values', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 10);
  const moved = { name: 'coinbase', exchange: 'gemini' };
  book.configure(documentWith({ sources: [moved, { name: 'kraken', exchange: 'kraken' }] }));
  say(book, 'kraken', '100.2', 11);
  expect(priceOf(book, 20)).toBe('100.2 kraken-ws @11');
});

test('another quote currency leaves nothing of the old prices', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 10);
  priceOf(book, 20);
  book.configure(documentWith({ quote: 'EUR' }));
  expect(priceOf(book, 20)).toBeUndefined();
});

test('a withdrawn vote is gone at once, at any age, and back with the next confirmation', () => {
  const book = bookWith(documentWith());
  say(book, 'coinbase', '100', 10);
  say(book, 'kraken', '100.2', 10);
  expect(priceOf(book, 10)).toBe('100.1 coinbase-ws,kraken-ws @10');
  expect(book.withdraw('kraken', 'BTC')).toBe(true);
  expect(priceOf(book, 10)).toBe('100 coinbase-ws @10');
  expect([book.withdraw('kraken', 'BTC'), book.withdraw('kraken', 'SOL')]).toEqual([false, false]);
  expect(say(book, 'kraken', '100.2', 20)).toBe('changed');
  expect(priceOf(book, 20)).toBe('100.1 coinbase-ws,kraken-ws @10');
});

test('by priority the first source gives way from the moment it is no longer fresh', () => {
  const book = bookWith(documentWith({ aggregation: { method: 'Priority', minSources: 1, maxDeviationBps: 50 } }));
  say(book, 'coinbase', '100', 1_000);
  say(book, 'kraken', '101', 4_000);
  expect(priceOf(book, 6_000)).toBe('100 coinbase-ws @1000');
  expect(priceOf(book, 6_001)).toBe('101 kraken-ws @4000');
  expect(priceOf(book, 9_001)).toBe('100 coinbase-ws @1000');
});
