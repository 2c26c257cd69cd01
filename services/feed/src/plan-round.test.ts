import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { quoteOf } from '../test/sample-quote.ts';
import { createQuoteBook } from './keep-quotes.ts';
import { planRound, type RoundScope } from './plan-round.ts';

test('a round sends changes at once, and with the heartbeat confirmations and all the rest', () => {
  const book = createQuoteBook();
  book.configure(documentWith({ assets: ['A', 'B', 'C', 'D', 'E'] }));
  const say = (asset: string, price: string, confirmedMs: number): unknown =>
    book.record('coinbase', quoteOf(asset, price, confirmedMs));
  for (const asset of ['A', 'B', 'C', 'D']) say(asset, '100', 0);
  const before = new Map(['B', 'C', 'D'].map((asset) => [asset, book.refresh(asset, 0)]));
  say('B', '101', 50);
  say('C', '100', 50);
  const plan = (scope: RoundScope): string[] =>
    planRound(scope, book.assets, { book, nowMs: 60, lastWritten: (asset) => before.get(asset) }).map(
      ({ asset, why }) => `${asset} ${why}`,
    );
  expect(plan('changed')).toEqual(['A first', 'B changed']);
  expect(plan('all')).toEqual(['A first', 'B changed', 'C confirmed', 'D rewrite']);
});
