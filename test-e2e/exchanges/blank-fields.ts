/**
 * How each venue writes a book without a bid, and a time that is none: its true frames are rewritten, so that whoever
 * speaks for a venue need not know of faults.
 */

interface Rewrite {
  readonly pattern: RegExp;
  readonly replacement: string;
}

interface Blanks {
  readonly bids: readonly Rewrite[];
  readonly times: readonly Rewrite[];
}

const EPOCH = '1970-01-01T00:00:00.000000Z';
/** As recordings have it. */
const YEAR_ONE = '0001-01-01T00:00:00.000000Z';
const NO_TIME_NUMBER: Rewrite = { pattern: /"(E|time|time_ms|t|ts|cts|T)":\d{10,}/g, replacement: '"$1":0' };

/** The fields are those of the protocol sheets of each venue. */
const BLANKS: Readonly<Record<string, Blanks>> = {
  coinbase: {
    bids: [{ pattern: /"best_bid":"[^"]*"/g, replacement: '"best_bid":""' }],
    times: [{ pattern: /"time":"[^"]*"/g, replacement: `"time":"${YEAR_ONE}"` }],
  },
  kraken: {
    bids: [{ pattern: /"bid":[\d.]+/g, replacement: '"bid":0' }],
    times: [{ pattern: /"timestamp":"[^"]*"/g, replacement: `"timestamp":"${EPOCH}"` }],
  },
  gemini: { bids: [{ pattern: /"b":"[^"]*"/g, replacement: '"b":""' }], times: [NO_TIME_NUMBER] },
  gateio: {
    bids: [{ pattern: /"(highest_bid|b)":"[^"]*"/g, replacement: '"$1":""' }],
    times: [NO_TIME_NUMBER],
  },
  bybit: { bids: [{ pattern: /"b":\[\[[^\]]*\]\]/g, replacement: '"b":[]' }], times: [NO_TIME_NUMBER] },
  okx: {
    bids: [{ pattern: /"bidPx":"[^"]*"/g, replacement: '"bidPx":""' }],
    times: [{ pattern: /"ts":"\d+"/g, replacement: '"ts":"0"' }],
  },
};

export function blankBids(venue: string, frame: string): string {
  return rewrite(frame, BLANKS[venue]?.bids);
}

export function blankTimes(venue: string, frame: string): string {
  return rewrite(frame, BLANKS[venue]?.times);
}

function rewrite(frame: string, rewrites: readonly Rewrite[] = []): string {
  return rewrites.reduce((text, { pattern, replacement }) => text.replaceAll(pattern, replacement), frame);
}
