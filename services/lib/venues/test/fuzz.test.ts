import { expect, test } from 'vitest';
import { venues } from '../index.ts';
import { fuzzVenues } from './fuzz-venues.ts';
import { readPrices } from './read-prices.ts';
import { readRecordedFrames } from './recordings.ts';
import { VENUE_SHAPES } from './venue-shapes.ts';

/** Seconds; `npm run soak -- fuzz` takes a million. */
const FRAMES = 200_000;
const SEED = 20_261_120;

test('no mutated frame or answer throws, is lost, or yields a price that is none', () => {
  const report = fuzzVenues({ frames: FRAMES, seed: SEED, recorded: readRecordedFrames() });
  expect(report.frames).toBe(FRAMES);
  const leastPerVenue = FRAMES / Object.keys(venues).length / 20;
  for (const counts of [report.pricesByVenue, report.restPricesByVenue]) {
    for (const [id, count] of Object.entries(counts)) expect([id, count > leastPerVenue / 5]).toEqual([id, true]);
  }
  expect(report.prices).toBeGreaterThan(FRAMES / 10);
}, 120_000);

test('the same seed gives the same frames, another one others', () => {
  const run = (seed: number): unknown => fuzzVenues({ frames: 2_000, seed });
  expect(run(1)).toEqual(run(1));
  expect(run(1)).not.toEqual(run(2));
});

test.each(Object.entries(VENUE_SHAPES))(
  'the shapes of %s are whole: each answer holds what it is there for',
  (id, shapes) => {
    const venue = venues[id];
    if (venue === undefined) throw new Error(`venue ${id} is not there`);
    const { rest } = venue;
    const response = (body: string): Parameters<typeof rest.decodePrices>[0] => ({ status: 200, body, receivedMs: 0 });
    expect(
      shapes.frames.filter((frame) => venue.decode(frame).some(({ kind }) => kind !== 'ignored')).length,
    ).toBeGreaterThan(3);
    for (const body of shapes.instruments) {
      const answer = rest.decodeInstruments(response(body));
      expect(answer.kind === 'ok' && answer.value.some(({ asset }) => asset === 'BTC')).toBe(true);
    }
    const [first = ''] = shapes.prices;
    const decoded = readPrices(rest, response(first), shapes.markets.slice(0, 1));
    expect(decoded).toMatchObject({ kind: 'ok', value: [{ asset: 'BTC' }] });
  },
);
