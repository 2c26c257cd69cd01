/** Instants as venues write them, of which some mean "none". */

const ISO_START = /^\d{4}-\d\d-\d\dT\d\d:/;

/** The text itself; `undefined` for year 1, 1970's first instant, blanks and anything that is no date. */
export function presentTime(value: unknown): string | undefined {
  if (typeof value !== 'string' || !ISO_START.test(value)) return undefined;
  return Date.parse(value) > 0 ? value : undefined;
}
