/** Prices as whole numbers of ticks, so that a walk never leaves the tick size and never loses a digit. */

export interface Fixed {
  readonly units: bigint;
  /** Digits after the point; the tick size is 10^-decimals. */
  readonly decimals: number;
}

/** Reads plain notation and keeps its trailing zeros: "0.13110" has a tick of 0.00001. */
export function parseFixed(text: string): Fixed {
  const match = /^(\d{1,15})(?:\.(\d{1,18}))?$/.exec(text);
  if (match === null) throw new RangeError(`not a price in plain notation: "${text}"`);
  const [, whole = '', fraction = ''] = match;
  return { units: BigInt(whole + fraction), decimals: fraction.length };
}

/** Writes every digit of the tick size: 13110 with five decimals is "0.13110". */
export function formatFixed({ units, decimals }: Fixed): string {
  if (decimals === 0) return units.toString();
  const digits = units.toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The same value with more decimals. */
export function rescale(value: Fixed, decimals: number): Fixed {
  return { units: value.units * 10n ** BigInt(decimals - value.decimals), decimals };
}
