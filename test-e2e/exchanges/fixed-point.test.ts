import { describe, expect, it } from 'vitest';
import { formatFixed, parseFixed, rescale } from './fixed-point.ts';

describe('fixed point prices', () => {
  it.each(['0.13110', '84737.58', '5', '0.00000001', '1.000000000000000001', '0'])(
    'keeps every digit of %s',
    (text) => {
      expect(formatFixed(parseFixed(text))).toBe(text);
    },
  );

  it.each(['', '-1', '1e5', '.5', '5.', '1,000'])('refuses %j', (text) => {
    expect(() => parseFixed(text)).toThrow(RangeError);
  });

  it('keeps the value when it gains decimals', () => {
    expect(formatFixed(rescale(parseFixed('1.5'), 4))).toBe('1.5000');
  });
});
