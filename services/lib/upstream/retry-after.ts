/** How long an upstream that has said "too many requests" is left alone. Pure. */
import type { RestResponse } from '@weir/venues';

const DEFAULT_MS = 5_000;
const MIN_MS = 1_000;
const MAX_MS = 3_600_000;

/** From what the venue's decoder has made of it, else from the header, else a guess; never less than a second. */
export function backOffMs(knownMs: number | undefined, response: RestResponse): number {
  const askedMs = knownMs ?? headerMs(response) ?? DEFAULT_MS;
  return Math.min(MAX_MS, Math.max(MIN_MS, askedMs));
}

/** Seconds, or a date. */
function headerMs({ retryAfter, receivedMs }: RestResponse): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number(retryAfter) * 1_000;
  const atMs = Date.parse(retryAfter);
  return Number.isNaN(atMs) ? undefined : atMs - receivedMs;
}
