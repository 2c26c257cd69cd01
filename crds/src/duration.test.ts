import { describe, expect, it } from 'vitest';
import { parseDurationMs } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['5s', 5_000],
    ['1m500ms', 60_500],
    ['1h30m', 5_400_000],
    ['720h', 2_592_000_000],
    ['1h2m3s4ms', 3_723_004],
  ])('%s is %i ms', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });

  it.each(['', '5', '5 s', '-5s', '1.5s', '5d', '5sx'])('refuses %j', (text) => {
    expect(() => parseDurationMs(text)).toThrow(RangeError);
  });
});
