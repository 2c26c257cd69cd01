import { expect, test } from 'vitest';
import { timeOfMs } from './venue-time.ts';

test.each([
  [1_680_652_806_504, '2023-04-05T00:00:06.504Z'],
  ['1639999318686', '2021-12-20T11:21:58.686Z'],
  [0, undefined],
  ['0', undefined],
  ['', undefined],
  [-1, undefined],
  [1.5, undefined],
  ['1639999318686.5', undefined],
  [1e20, undefined],
  ['999999999999999', undefined],
  [null, undefined],
])('%j ms is %j', (value, time) => {
  expect(timeOfMs(value)).toBe(time);
});
