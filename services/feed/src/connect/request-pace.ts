/** How soon the next request may be sent on a connection of a venue that counts them by the hour. Pure. */
import type { Link, MachineSettings } from './machine-state.ts';

/** A quarter of an hour's requests may come at once, the rest of them over the hour; some are kept for unsubscriptions. */
const SHARE_OF_REQUESTS = 0.9;
const BURST_SHARE = 0.25;
const HOUR_MS = 3_600_000;

type RequestLimit = Pick<MachineSettings, 'requestsPerHour'>;

const requestCostMs = (perHour: number): number => HOUR_MS / (perHour * SHARE_OF_REQUESTS * (1 - BURST_SHARE));

/** When the next request may be sent, by the venue's limit for a connection. */
export function requestDueMs({ requestsPaidMs }: Link, { requestsPerHour }: RequestLimit): number {
  if (requestsPerHour === undefined) return -Infinity;
  const burst = Math.max(1, Math.floor(requestsPerHour * SHARE_OF_REQUESTS * BURST_SHARE));
  return requestsPaidMs - (burst - 1) * requestCostMs(requestsPerHour);
}

/** After a request. */
export function askedLink(link: Link, { requestsPerHour }: RequestLimit, nowMs: number): Link {
  if (requestsPerHour === undefined) return link;
  return { ...link, requestsPaidMs: Math.max(link.requestsPaidMs, nowMs) + requestCostMs(requestsPerHour) };
}
