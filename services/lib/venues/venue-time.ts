/** Instants as venues write them, of which some mean "none". */

const ISO_START = /^\d{4}-\d\d-\d\dT\d\d:/;

/** The text itself; `undefined` for year 1, 1970's first instant, blanks and anything that is no date. */
export function presentTime(value: unknown): string | undefined {
  if (typeof value !== 'string' || !ISO_START.test(value)) return undefined;
  return Date.parse(value) > 0 ? value : undefined;
}

const MILLISECONDS = /^\d{1,15}$/;
/** Year 10000, which no longer has the form of a date. */
const MS_END = 253_402_300_800_000;

/** Milliseconds since 1970, a whole number or its text, as ISO 8601; `undefined` for 0, blanks and what is no time. */
export function timeOfMs(value: unknown): string | undefined {
  const timeMs = typeof value === 'string' && MILLISECONDS.test(value) ? Number(value) : value;
  if (typeof timeMs !== 'number' || !Number.isSafeInteger(timeMs) || timeMs <= 0 || timeMs >= MS_END) return undefined;
  return new Date(timeMs).toISOString();
}
