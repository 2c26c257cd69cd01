import { expect, test } from 'vitest';
import { createCircumstances } from './circumstances.ts';
import type { Incident, VenueFault } from './plan.ts';

const VENUES = ['a', 'b', 'c', 'd', 'e', 'f'];
const RULES = {
  aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
  freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
} as const;

function incident(fault: VenueFault, venue: string): Incident {
  return { fault, venue, strength: 0, startMs: 0, endMs: 0 };
}

/** In the circumstances of these faults, from 100 s to 105 s. */
function slackAt(faults: readonly (readonly [VenueFault, string])[], fromMs: number, toMs: number): number | undefined {
  const circumstances = createCircumstances(RULES);
  for (const [fault, venue] of faults) circumstances.begin(incident(fault, venue), 100_000).toMs = 105_000;
  return circumstances.slackBps(VENUES, { fromMs, toMs }, 2);
}

test('what honest venues differ by is all, whoever else is away', () => {
  expect(slackAt([], 0, 1_000)).toBe(6);
  expect(
    slackAt(
      [
        ['cut', 'a'],
        ['silence', 'b'],
        ['skew', 'c'],
      ],
      101_000,
      102_000,
    ),
  ).toBe(6);
});

test('one that lies changes nothing while all others are there, and for as long as it lies', () => {
  expect(slackAt([['lie', 'a']], 101_000, 102_000)).toBe(6);
});

test('one that lies allows for more while another is away, or was a moment ago', () => {
  const faults = [
    ['lie', 'a'],
    ['cut', 'b'],
  ] as const;
  expect(slackAt(faults, 101_000, 102_000)).toBeGreaterThan(50);
  expect(slackAt(faults, 98_000, 99_000)).toBe(6);
  expect(slackAt(faults, 106_500, 107_000)).toBe(6);
});

test('without a majority nothing is promised', () => {
  const faults = VENUES.slice(1, 5).map((venue) => ['silence', venue] as const);
  expect(slackAt([['freeze', 'a'], ...faults], 101_000, 102_000)).toBeUndefined();
});

test('of a price with one source only that one counts, and nothing is promised while it lies', () => {
  const circumstances = createCircumstances(RULES);
  circumstances.begin(incident('lie', 'a'), 100_000).toMs = 105_000;
  const span = { fromMs: 101_000, toMs: 102_000 };
  expect(circumstances.slackBps(['b'], span, 2)).toBe(6);
  expect(circumstances.slackBps(['a'], span, 2)).toBeUndefined();
});

test('names those that have lied for a while', () => {
  const circumstances = createCircumstances(RULES);
  const lie = circumstances.begin(incident('lie', 'a'), 100_000);
  circumstances.begin(incident('freeze', 'b'), 100_000);
  expect(circumstances.liarsSince(100_500, 1_000)).toEqual([]);
  expect(circumstances.liarsSince(101_000, 1_000)).toEqual(['a']);
  lie.toMs = 102_000;
  expect(circumstances.liarsSince(102_001, 1_000)).toEqual([]);
});
