import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { createQuietLog } from './quiet-log.ts';

test('the first is told at once, the rest at most once a minute, and every one is counted', async () => {
  const clock = createFakeClock();
  const lines: [number, string][] = [];
  const note = createQuietLog(clock, (count, detail) => lines.push([count, detail]));
  note('a');
  for (let n = 0; n < 100; n++) note('b');
  await clock.advance(59_999);
  note('c');
  expect(lines).toEqual([[1, 'a']]);
  await clock.advance(1);
  note('d');
  expect(lines).toEqual([
    [1, 'a'],
    [102, 'd'],
  ]);
});
