/** What is known of the open socket, and what is due on it. Pure. */
import type { VenueTiming } from '@weir/venues';
import type { Link, MachineSettings, Sign } from './machine-state.ts';
import { requestDueMs } from './request-pace.ts';
import { UNCONFIRMED_MS, type Survey } from './survey-markets.ts';

const RECONCILE_MS = 60_000;

export function openLink({ timing }: MachineSettings, nowMs: number): Link {
  return {
    lastFrameMs: nowMs,
    isPinged: false,
    pingAtMs: nowMs + (timing.pingEveryMs ?? Infinity),
    hasData: false,
    dataDueMs: nowMs + timing.firstDataMs,
    reconcileAtMs: nowMs + RECONCILE_MS,
    liveSinceMs: undefined,
    requestsPaidMs: nowMs,
    openedMs: nowMs,
    lastDataMs: undefined,
    staleSinceMs: undefined,
  };
}

/** After a frame. */
export function heardLink(link: Link, sign: Sign, { dataSilenceMs }: VenueTiming, nowMs: number): Link {
  // A first heartbeat shows that the subscription works; later ones show nothing about the data.
  const isProof = sign === 'data' || (sign === 'heartbeat' && !link.hasData);
  const proof = { hasData: true, dataDueMs: dataSilenceMs === undefined ? undefined : nowMs + dataSilenceMs };
  const lastDataMs = sign === 'data' ? nowMs : link.lastDataMs;
  return { ...link, lastFrameMs: nowMs, isPinged: false, lastDataMs, ...(isProof && proof) };
}

/** So many markets are not all quiet for so long, and as much longer as they are fewer. */
const QUIET_MARKETS = 50;
const QUIET_MS = 30_000;

/**
 * After a look at its markets: most of them without a confirmation make it stale, and are the end of it if they have lost
 * it on this very connection and for as long again. So is silence of all of them where the venue proves them all by any
 * frame.
 */
export function surveyedLink(
  link: Link,
  { followed, valued, unconfirmed, lapsed }: Survey,
  { dataSilenceMs }: VenueTiming,
  nowMs: number,
): { readonly link: Link; readonly fault?: string } {
  const isStale = nowMs - link.openedMs >= UNCONFIRMED_MS && unconfirmed * 2 > valued;
  const staleSinceMs = isStale ? (link.staleSinceMs ?? nowMs) : undefined;
  const next = staleSinceMs === link.staleSinceMs ? link : { ...link, staleSinceMs };
  if (staleSinceMs !== undefined && nowMs - staleSinceMs >= UNCONFIRMED_MS && lapsed * 2 > valued)
    return { link: next, fault: `nothing confirms ${lapsed} of ${followed} markets` };
  if (dataSilenceMs === undefined || followed === 0) return { link: next };
  const silenceMs = Math.min(dataSilenceMs, (QUIET_MS * QUIET_MARKETS) / Math.min(followed, QUIET_MARKETS));
  const isFrozen = nowMs - (link.lastDataMs ?? nowMs) >= silenceMs;
  const fault = `nothing came of any of ${followed} markets for ${Math.round(silenceMs / 1_000)} s`;
  return isFrozen ? { link: next, fault } : { link: next };
}

/** A sign of life is asked for after silence, or because it is time; `isSilent` tells the first from the second. */
export function pingDue(
  link: Link,
  { pingAfterMs }: VenueTiming,
  nowMs: number,
): { readonly isSilent: boolean } | undefined {
  const isSilent = nowMs - link.lastFrameMs >= pingAfterMs && !link.isPinged;
  return isSilent || nowMs >= link.pingAtMs ? { isSilent } : undefined;
}

/** After the ping that was due. */
export function pingedLink(link: Link, { pingEveryMs = Infinity }: VenueTiming, nowMs: number): Link {
  return { ...link, pingAtMs: nowMs + pingEveryMs };
}

export function reconciledLink(link: Link, nowMs: number): Link {
  return { ...link, reconcileAtMs: nowMs + RECONCILE_MS };
}

/** When silence, the next ping or the next reconciliation is due, or a request that waits for its turn. */
export function linkWakeMs(link: Link, settings: MachineSettings, isRequestWaiting: boolean): number {
  const { deadAfterMs, pingAfterMs } = settings.timing;
  const requestMs = isRequestWaiting ? requestDueMs(link, settings) : Infinity;
  const silenceMs = link.lastFrameMs + (link.isPinged ? deadAfterMs : pingAfterMs);
  return Math.min(silenceMs, link.pingAtMs, link.reconcileAtMs, requestMs);
}
