import { expect, test } from 'vitest';

import { reconnectDelayMs } from './connection.ts';

test('the delay doubles from 25 ms to 500 ms, of which the upper half is left to chance', () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 1_000];
  expect(attempts.map((attempt) => reconnectDelayMs(attempt, () => 1))).toEqual([25, 50, 100, 200, 400, 500, 500, 500]);
  expect(attempts.map((attempt) => reconnectDelayMs(attempt, () => 0))).toEqual([13, 25, 50, 100, 200, 250, 250, 250]);
});
