/** Durations as resources write them: "90s", "1h30m", "250ms". */

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Throws RangeError for a text that the schemas refuse. */
export function parseDurationMs(text: string): number {
  if (!/^(?:\d{1,5}(?:h|ms|m|s)){1,4}$/.test(text)) throw new RangeError(`not a duration: "${text}"`);
  let total = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+)(h|ms|m|s)/g)) total += Number(count) * (UNITS_MS[unit] ?? 0);
  return total;
}
