import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { noteBatch } from './follow-updates.ts';
import { createPriceTable, type FeedState } from './price-table.ts';

function newFeed(): FeedState {
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument()]]), 0);
  const feed = table.feeds.get('weir/majors');
  if (feed === undefined) throw new Error('the feed is declared');
  return feed;
}

const noteAll = (feed: FeedState, batches: readonly (readonly [string, number])[]): boolean[] =>
  batches.map(([lease, number]) => noteBatch(feed, { lease, number }, 0));

test('numbers in a row are continuous', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 2],
      ['l1', 3],
    ]),
  ).toEqual([true, true, true]);
});

test('a missing number is a gap, once', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 3],
      ['l1', 4],
    ]),
  ).toEqual([true, false, true]);
});

test('an unknown lease that starts above 1 is a gap, one that starts at 1 is not', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 5],
      ['l2', 1],
      ['l3', 2],
    ]),
  ).toEqual([false, true, false]);
});

test('a batch that comes twice or late is no gap and does not set the count back', () => {
  expect(
    noteAll(newFeed(), [
      ['l1', 1],
      ['l1', 2],
      ['l1', 1],
      ['l1', 2],
      ['l1', 3],
    ]),
  ).toEqual(Array(5).fill(true));
});

test('every batch ends the silence of its feed', () => {
  const feed = newFeed();
  feed.isSilent = true;
  noteBatch(feed, { lease: 'l1', number: 1 }, 1_234);
  expect(feed).toMatchObject({ isSilent: false, lastHeardMs: 1_234 });
});
