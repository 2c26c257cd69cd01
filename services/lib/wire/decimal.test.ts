import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECIMAL_ONE, formatDecimal, isPrice, medianDecimal, normaliseDecimalText, parseDecimal } from './decimal.ts';

const LIMIT = 10n ** 15n * DECIMAL_ONE;
const decimal = fc.bigInt({ min: 0n, max: LIMIT - 1n });
const plainText = fc.stringMatching(/^[0-9]{1,15}(?:\.[0-9]{1,18})?$/);

it('what is calculated is a price if its text is read again as one that is more than nothing', () => {
  const calculated = fc.oneof(
    decimal,
    fc.bigInt({ min: 0n, max: LIMIT * 2n }),
    fc.constantFrom(0n, 1n, LIMIT - 1n, LIMIT),
  );
  fc.assert(
    fc.property(calculated, (value) => {
      expect(isPrice(value)).toBe(value !== 0n && parseDecimal(formatDecimal(value)) === value);
    }),
  );
});

describe('parseDecimal and formatDecimal', () => {
  it('give every value back', () => {
    fc.assert(
      fc.property(decimal, (value) => {
        expect(parseDecimal(formatDecimal(value))).toBe(value);
      }),
    );
  });

  it('read a text as the fraction it spells', () => {
    fc.assert(
      fc.property(plainText, (text) => {
        const [whole = '', fraction = ''] = text.split('.');
        const value = parseDecimal(text) ?? -1n;
        expect(value * 10n ** BigInt(fraction.length)).toBe(BigInt(whole + fraction) * DECIMAL_ONE);
      }),
    );
  });

  it('write the shortest text of a value, and one text for one value', () => {
    fc.assert(
      fc.property(plainText, (text) => {
        const normal = normaliseDecimalText(text) ?? '';
        expect(normal).toMatch(/^(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/);
        expect(normaliseDecimalText(normal)).toBe(normal);
        expect(normaliseDecimalText(`${normal}${normal.includes('.') ? '' : '.'}0`)).toBe(normal);
      }),
      { examples: [['0'], ['000.000'], ['10'], ['77401.500']] },
    );
  });

  it.each([
    ['64123.07', 64_123_070_000_000_000_000_000n],
    ['0.000000000000000001', 1n],
    ['999999999999999.999999999999999999', LIMIT - 1n],
    ['5', 5n * DECIMAL_ONE],
  ])('reads %s', (text, value) => {
    expect(parseDecimal(text)).toBe(value);
    expect(formatDecimal(value)).toBe(text);
  });

  it.each(['', ' ', '-1', '+1', '1e3', '.5', '5.', '1,5', '0x10', '1 ', '1\n', '٣', 'NaN', 'Infinity', '1_000'])(
    'does not read %j',
    (text) => expect(parseDecimal(text)).toBeUndefined(),
  );

  it('does not read more digits than are exact', () => {
    expect(parseDecimal('1000000000000000')).toBeUndefined();
    expect(parseDecimal('0.0000000000000000001')).toBeUndefined();
  });

  it('does not read what is not plain notation, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseDecimal(text);
        if (value !== undefined) expect(text).toMatch(/^\d{1,15}(?:\.\d{1,18})?$/);
      }),
    );
  });
});

describe('medianDecimal', () => {
  const values = fc.array(decimal, { minLength: 1, maxLength: 9 });
  const least = (list: readonly bigint[]): bigint => list.reduce((a, b) => (b < a ? b : a));

  it('has as many values at or below it as at or above it', () => {
    fc.assert(
      fc.property(values, (list) => {
        const median = medianDecimal(list);
        const below = list.filter((value) => value <= median).length;
        const above = list.filter((value) => value >= median).length;
        expect(Math.min(below, above)).toBeGreaterThanOrEqual(Math.floor(list.length / 2));
        expect(median >= least(list)).toBe(true);
      }),
    );
  });

  it('does not depend on the order and leaves its argument as it was', () => {
    fc.assert(
      fc.property(values, (list) => {
        const before = [...list];
        expect(medianDecimal(list.toReversed())).toBe(medianDecimal(list));
        expect(list).toEqual(before);
      }),
    );
  });

  it('of an even count is the mean of the middle two, rounded down', () => {
    expect(medianDecimal([1n, 4n])).toBe(2n);
    expect(medianDecimal([9n, 1n, 2n, 4n])).toBe(3n);
    expect(medianDecimal([3n, 1n, 2n])).toBe(2n);
  });

  it('of no values does not exist', () => {
    expect(() => medianDecimal([])).toThrow(RangeError);
  });
});
