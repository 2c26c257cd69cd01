/**
 * Exact decimals as scaled BigInt: prices are compared, averaged and published without ever being a float.
 *
 * A `Decimal` is the value times 10^18, the finest scale a venue text may have, so two decimals
 * compare and add as plain integers. Texts come from venues and are untrusted: the parser answers
 * `undefined` for anything but plain notation.
 */

/** A non-negative value in units of 10^-18. */
export type Decimal = bigint;

export const DECIMAL_SCALE = 18;

/** One whole unit. */
export const DECIMAL_ONE: Decimal = 10n ** BigInt(DECIMAL_SCALE);

/** More digits before the point are no price to any reader. */
const WHOLE_DIGITS_MAX = 15;
const PRICE_END: Decimal = 10n ** BigInt(WHOLE_DIGITS_MAX + DECIMAL_SCALE);

const PLAIN_NOTATION = /^\d{1,15}(?:\.\d{1,18})?$/;

/** Reads plain notation such as "64123.07"; `undefined` for signs, exponents, blanks or more digits than are exact. */
export function parseDecimal(text: string): Decimal | undefined {
  if (!PLAIN_NOTATION.test(text)) return undefined;
  const point = text.indexOf('.');
  if (point === -1) return BigInt(text) * DECIMAL_ONE;
  const fraction = text.slice(point + 1);
  return BigInt(text.slice(0, point) + fraction.padEnd(DECIMAL_SCALE, '0'));
}

/** Writes plain notation without trailing zeros: "64123.07", "0.000000001", "5". */
export function formatDecimal(value: Decimal): string {
  const digits = value.toString().padStart(DECIMAL_SCALE + 1, '0');
  const whole = digits.slice(0, -DECIMAL_SCALE);
  const fraction = digits.slice(-DECIMAL_SCALE).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** The middle value; for an even count the mean of the middle two, rounded down to 10^-18. Throws RangeError when empty. */
export function medianDecimal(values: readonly Decimal[]): Decimal {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const upper = sorted[sorted.length >> 1];
  if (upper === undefined) throw new RangeError('the median of no values does not exist');
  if (sorted.length % 2 === 1) return upper;
  const lower = sorted[(sorted.length >> 1) - 1] ?? upper;
  return (lower + upper) / 2n;
}

/** Whether a record may hold it as its price: what is calculated may be nothing, or longer than what was parsed. */
export function isPrice(value: Decimal): boolean {
  return value > 0n && value < PRICE_END;
}

/** Smallest text for the same value: "77401.500" and "77401.5" are one price. `undefined` as for `parseDecimal`. */
export function normaliseDecimalText(text: string): string | undefined {
  const value = parseDecimal(text);
  return value === undefined ? undefined : formatDecimal(value);
}
