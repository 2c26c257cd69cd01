/** Number texts of venues, exponents included, as the plain decimals that Weir publishes. */
import { normaliseDecimalText } from '@weir/wire';

const SCIENTIFIC = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
/** Longer texts are garbage; without a bound one of them would cost megabytes of zeros. */
const LENGTH_MAX = 80;

/**
 * The shortest plain text of exactly the same value: "0.13110" is "0.1311", "8.12e-7" is "0.000000812". `undefined`
 * for zero, signs, blanks, words, and values with more digits than Weir keeps (15 before the point, 18 after).
 */
export function positiveDecimalText(text: string): string | undefined {
  const plain = normaliseDecimalText(text) ?? normaliseScientific(text);
  return plain === '0' ? undefined : plain;
}

/** The same of a member of a JSON object, which may be anything. */
export function positiveDecimalOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? positiveDecimalText(value) : undefined;
}

/** Bid and ask where they are prices. */
export function bookOf(bid: unknown, ask: unknown): { readonly bid?: string; readonly ask?: string } {
  const bidText = positiveDecimalOf(bid);
  const askText = positiveDecimalOf(ask);
  if (bidText === undefined) return askText === undefined ? {} : { ask: askText };
  return askText === undefined ? { bid: bidText } : { bid: bidText, ask: askText };
}

function normaliseScientific(text: string): string | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const match = SCIENTIFIC.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (Math.abs(point) > LENGTH_MAX) return undefined;
  const padded = digits.padStart(digits.length + Math.max(0, -point), '0').padEnd(Math.max(point, 0), '0');
  const at = Math.max(point, 0);
  const integer = padded.slice(0, at).replace(/^0+(?=\d)/, '') || '0';
  const decimals = padded.slice(at).replace(/0+$/, '');
  return normaliseDecimalText(decimals === '' ? integer : `${integer}.${decimals}`);
}
