/** What a Retry-After header asks for, and how long an upstream that has said "too many requests" is left alone. Pure. */
import type { RestResponse } from '@weir/venues';

const DEFAULT_MS = 5_000;
const MIN_MS = 1_000;
const MAX_MS = 3_600_000;

/** From what the venue's decoder has made of it, else from the header, else a guess; never less than a second. */
export function backOffMs(knownMs: number | undefined, response: RestResponse): number {
  const { retryAfter = '', receivedMs } = response;
  const askedMs = knownMs ?? parseRetryAfter(retryAfter, receivedMs) ?? DEFAULT_MS;
  return Math.min(MAX_MS, Math.max(MIN_MS, askedMs));
}

/** The header's value, seconds or a date, as a delay from now on; `undefined` when it is neither. */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
