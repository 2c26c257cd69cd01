import { expect, test } from 'vitest';
import { RenewalPace } from './renewal-pace.ts';

const MINUTE_MS = 60_000;

test('a symbol of which nothing is heard is asked for again ever less often, every half hour at last', () => {
  const pace = new RenewalPace();
  const asked: number[] = [];
  for (let minute = 0; minute <= 130; minute += 1)
    if (pace.due(['A'], minute * MINUTE_MS).length > 0) asked.push(minute);
  expect(asked).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
});

test('once something was heard of it, it begins anew; each symbol has a pace of its own', () => {
  const pace = new RenewalPace();
  expect(pace.due(['A', 'B'], 0)).toEqual(['A', 'B']);
  expect(pace.due(['A', 'B'], MINUTE_MS)).toEqual(['A', 'B']);
  expect(pace.due(['A'], 2 * MINUTE_MS)).toEqual([]);
  expect(pace.due(['A', 'B'], 2.5 * MINUTE_MS)).toEqual(['B']);
});
