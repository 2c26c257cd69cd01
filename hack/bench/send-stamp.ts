/**
 * When a request was written, said in the request itself: on one machine the load generator and the servers read the
 * same monotonic clock, so a server can tell how long a request lay in its socket before the process came to it.
 */

const HEADER = 'X-Sent-Us';
const DIGITS = 16;
const ZERO = '0'.charCodeAt(0);

/** The last header of a request that bears a stamp; its digits are written over for every request. */
export const STAMP_LINE = `${HEADER}: ${'0'.repeat(DIGITS)}\r\n`;

/** From the end of the stamp to the end of the request: the end of its line, and the empty line. */
const BEHIND = 4;

/** Microseconds on the monotonic clock of the machine, the same in all of its processes. */
export function machineUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.round(nanoseconds / 1e3);
}

/** Writes into the request that ends before `end`. */
export function writeStamp(request: Uint8Array, end: number, us: number): void {
  let rest = us;
  for (let at = end - BEHIND - 1; at >= end - BEHIND - DIGITS; at -= 1) {
    request[at] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** `undefined` for a request that bears none. */
export function readStamp(rawHeaders: readonly string[]): number | undefined {
  return rawHeaders.at(-2) === HEADER ? Number(rawHeaders.at(-1)) : undefined;
}
