import { expect, test } from 'vitest';
import { createClockSkews } from './clock-skew.ts';

test('the skew of a venue is the least of its last five minutes, below zero where its clock is ahead', () => {
  const skews = createClockSkews();
  const minute = 60_000;
  skews.note('okx', 1_000, 900, 0);
  skews.note('okx', 1_000, 970, 1_000);
  skews.note('okx', 1_000, 700, 2_000);
  skews.note('gateio', 1_000, 1_005, 2_000);
  expect(skews.read(2_000)).toEqual([
    { venue: 'okx', skewMs: 30 },
    { venue: 'gateio', skewMs: -5 },
  ]);
  for (let n = 1; n < 7; n++) skews.note('okx', 1_000, 950, n * minute);
  expect(skews.read(6 * minute)).toEqual([{ venue: 'okx', skewMs: 50 }]);
  expect(skews.read(20 * minute)).toEqual([]);
});
