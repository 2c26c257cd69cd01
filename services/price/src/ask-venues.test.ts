import { createFakeClock } from '@weir/testing';
import type { FetchedPrice, FetchOutcome } from '@weir/upstream';
import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { askVenues, askWhenFree, type Asked } from './ask-venues.ts';
import type { Offer } from './find-market.ts';
import { newFeed, newSlot } from './price-table.ts';
import { createVenueOrder } from './venue-order.ts';

const offerOf = (venue: string): Offer => ({
  venue,
  instrument: { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' },
  isConverted: false,
  fetcher: {
    batch: () => Promise.reject(new Error('not asked for here')),
    one: () => Promise.reject(new Error('not asked for here')),
  },
});
const OFFERS = ['a', 'b', 'c'].map(offerOf);

/** Venues answer after so many ms; `price`: with their own name. Absent: never. */
function start(answers: Readonly<Record<string, { readonly afterMs: number; readonly price?: true }>>) {
  const clock = createFakeClock();
  const begun: [string, number][] = [];
  const startMs = clock.monotonicMs();
  const ask = ({ venue }: Offer): Promise<string | undefined> => {
    begun.push([venue, clock.monotonicMs() - startMs]);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const answer = answers[venue];
    if (answer !== undefined) clock.setTimeout(() => resolve(answer.price && venue), answer.afterMs);
    return promise;
  };
  const state: { asked?: Asked<string> } = {};
  void askVenues({ offers: OFFERS, ask, clock, timeMs: 1_800 }).then((asked) => (state.asked = asked));
  return { clock, begun, state };
}

test('a venue that hangs costs its part of the time, and the next one says the price', async () => {
  const { clock, begun, state } = start({ b: { afterMs: 50, price: true } });
  await clock.advance(760);
  expect(begun).toEqual([
    ['a', 0],
    ['b', 700],
  ]);
  expect(state.asked).toEqual({ told: 'b', passed: ['a'] });
});

test('one that fails costs no more than its answer takes', async () => {
  const { clock, begun, state } = start({ a: { afterMs: 10 }, b: { afterMs: 10 }, c: { afterMs: 10, price: true } });
  await clock.advance(40);
  expect(begun.map(([venue]) => venue)).toEqual(['a', 'b', 'c']);
  expect(state.asked).toEqual({ told: 'c', passed: ['a', 'b'] });
});

test('one that was overtaken may still be the first to answer', async () => {
  const { clock, begun, state } = start({ a: { afterMs: 900, price: true } });
  await clock.advance(1_000);
  expect(begun.map(([venue]) => venue)).toEqual(['a', 'b']);
  expect(state.asked).toEqual({ told: 'a', passed: ['b'] });
});

test('a late failure of one that was overtaken begins nobody; with all of them over it is over', async () => {
  const { clock, begun, state } = start({ a: { afterMs: 800 }, b: { afterMs: 400 }, c: { afterMs: 100 } });
  await clock.advance(850);
  expect(begun.map(([venue]) => venue)).toEqual(['a', 'b']);
  await clock.advance(250);
  expect(begun).toContainEqual(['c', 1_100]);
  await clock.advance(150);
  expect(state.asked).toEqual({ told: undefined, passed: ['a', 'b', 'c'] });
});

test('when all hang it ends with the time', async () => {
  const { clock, state } = start({});
  await clock.advance(1_790);
  expect(state.asked).toBeUndefined();
  await clock.advance(20);
  expect(state.asked).toEqual({ told: undefined, passed: ['a', 'b', 'c'] });
});

test('whoever was passed goes last for that pair, for a minute or until it says a price', async () => {
  const clock = createFakeClock();
  const order = createVenueOrder(clock);
  const feed = newFeed(feedDocument(), 0);
  const [slot, other] = [newSlot('BTC', feed), newSlot('ETH', feed)];
  const arranged = (of = slot): string =>
    order
      .arrange(of, OFFERS)
      .map(({ venue }) => venue)
      .join('');
  expect(arranged()).toBe('abc');
  order.note(slot, ['a'], 'b');
  expect([arranged(), arranged(other)]).toEqual(['bca', 'abc']);
  await clock.advance(1_000);
  order.note(slot, ['b'], 'c');
  expect(arranged()).toBe('cab');
  order.note(slot, [], 'a');
  expect(arranged()).toBe('acb');
  await clock.advance(60_000);
  expect(arranged()).toBe('abc');
});

test('where as many requests are in flight as may be, it is asked again while there is time', async () => {
  const clock = createFakeClock();
  const [offer] = OFFERS;
  if (offer === undefined) throw new Error('there is one');
  let asked = 0;
  const answerFrom = (place: number) => async (): Promise<FetchOutcome<FetchedPrice>> => {
    asked += 1;
    if (asked < place) return { kind: 'refused', cause: 'concurrency', reason: 'too many', retryAfterMs: 250 };
    return { kind: 'refused', cause: 'unknown', reason: 'no such market' };
  };
  const ask = async (place: number) => {
    asked = 0;
    const crowded = { ...offer, fetcher: { ...offer.fetcher, one: answerFrom(place) } };
    const asking = askWhenFree(crowded, clock, clock.monotonicMs() + 1_000);
    await clock.advance(1_100);
    return asking;
  };
  expect([await ask(3), asked]).toMatchObject([{ cause: 'unknown' }, 3]);
  expect([await ask(100), asked]).toMatchObject([{ cause: 'concurrency' }, 10]);
});
