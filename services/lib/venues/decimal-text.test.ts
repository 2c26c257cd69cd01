import { formatDecimal, DECIMAL_ONE } from '@weir/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positiveDecimalText } from './decimal-text.ts';

test.each([
  ['64123.07', '64123.07'],
  ['0.13110', '0.1311'],
  ['105944.20', '105944.2'],
  ['4.97800000', '4.978'],
  ['58800.00', '58800'],
  ['007.5', '7.5'],
  ['8.12e-7', '0.000000812'],
  ['8.12E-07', '0.000000812'],
  ['1e3', '1000'],
  ['1.5e+2', '150'],
  ['12.5e-1', '1.25'],
  ['0.000e5', undefined],
  ['1e-18', '0.000000000000000001'],
  ['0.1000000000000000000000', '0.1'],
  ['123456789012345.123456789012345678', '123456789012345.123456789012345678'],
  ['1e15', undefined],
  ['1e-19', undefined],
  ['1e999', undefined],
  ['1e-999', undefined],
  ['0', undefined],
  ['0.00000', undefined],
  ['', undefined],
  [' 1', undefined],
  ['-1', undefined],
  ['+1', undefined],
  ['.5', undefined],
  ['5.', undefined],
  ['0.-10000', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['0x10', undefined],
  ['1,000.5', undefined],
])('%j is %j', (text, expected) => {
  expect(positiveDecimalText(text)).toBe(expected);
});

test('an exponent changes nothing of the value', () => {
  fc.assert(
    fc.property(fc.bigInt(1n, 10n ** 15n * DECIMAL_ONE - 1n), fc.integer({ min: -40, max: 40 }), (value, shift) => {
      const digits = value.toString();
      const scientific = `${digits.slice(0, 1)}.${digits.slice(1)}0e${digits.length - 1 - 18}`;
      expect(positiveDecimalText(scientific)).toBe(formatDecimal(value));
      const shifted = `${digits}${'0'.repeat(Math.max(0, shift))}e${-18 - Math.max(0, shift)}`;
      expect(positiveDecimalText(shifted)).toBe(shifted.length > 80 ? undefined : formatDecimal(value));
    }),
  );
});

test('a text of any length costs nothing', () => {
  expect(positiveDecimalText('9'.repeat(1_000_000))).toBeUndefined();
  expect(positiveDecimalText(`1e${'9'.repeat(1_000_000)}`)).toBeUndefined();
});
