import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMicroDollars, parseMicroDollars } from './money.ts';

const micro = fc.integer({ min: 0, max: 999_999_999_999_999 });

describe('micro-dollars', () => {
  it('are given back by their text', () => {
    fc.assert(
      fc.property(micro, (value) => {
        expect(parseMicroDollars(formatMicroDollars(value))).toBe(value);
      }),
    );
  });

  it('are written with at least cents and no needless digit', () => {
    fc.assert(
      fc.property(micro, (value) => {
        expect(formatMicroDollars(value)).toMatch(/^(?:0|[1-9]\d*)\.\d\d(?:\d{0,3}[1-9])?$/);
      }),
    );
  });

  it('add up exactly where floats do not', () => {
    expect((parseMicroDollars('0.1') ?? 0) + (parseMicroDollars('0.2') ?? 0)).toBe(parseMicroDollars('0.3'));
  });

  it.each([
    ['0.0001', 100, '0.0001'],
    ['5', 5_000_000, '5.00'],
    ['5.10', 5_100_000, '5.10'],
    ['100.00', 100_000_000, '100.00'],
    ['999999999.999999', 999_999_999_999_999, '999999999.999999'],
  ])('reads %s', (text, value, written) => {
    expect(parseMicroDollars(text)).toBe(value);
    expect(formatMicroDollars(value)).toBe(written);
  });

  it.each(['', '-1', '1e3', '.5', '5.', '0.0000001', '1000000000', '$5', '5.00 ', '1,00'])(
    'does not read %j',
    (text) => {
      expect(parseMicroDollars(text)).toBeUndefined();
    },
  );
});
