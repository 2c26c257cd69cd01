/** What is known of the open socket, and what is due on it. Pure. */
import type { VenueTiming } from '@weir/venues';
import type { Link, MachineSettings, Sign } from './machine-state.ts';
import { requestDueMs } from './request-pace.ts';
import { patienceMs } from './silence.ts';

const RECONCILE_MS = 60_000;

export function openLink({ timing }: MachineSettings, nowMs: number, freezes = 0): Link {
  return {
    lastFrameMs: nowMs,
    isPinged: false,
    pingAtMs: nowMs + (timing.pingEveryMs ?? Infinity),
    hasData: false,
    dataDueMs: nowMs + timing.firstDataMs,
    reconcileAtMs: nowMs + RECONCILE_MS,
    liveSinceMs: undefined,
    requestsPaidMs: nowMs,
    calmSinceMs: nowMs,
    lastDataMs: undefined,
    staleSinceMs: undefined,
    freezes,
  };
}

/** After a frame. */
export function heardLink(link: Link, sign: Sign, { dataSilenceMs }: VenueTiming, nowMs: number): Link {
  // A first heartbeat shows that the subscription works; later ones show nothing about the data.
  const isProof = sign === 'data' || (sign === 'heartbeat' && !link.hasData);
  const dataDueMs = dataSilenceMs === undefined ? undefined : nowMs + patienceMs(dataSilenceMs, link);
  const proof = { hasData: true, dataDueMs };
  const lastDataMs = sign === 'data' ? nowMs : link.lastDataMs;
  return { ...link, lastFrameMs: nowMs, isPinged: false, lastDataMs, ...(isProof && proof) };
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
