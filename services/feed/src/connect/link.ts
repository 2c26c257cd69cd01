/** What is known of the open socket, and what is due on it. Pure. */
import type { VenueTiming } from '@weir/venues';
import type { Link, MachineSettings, Sign } from './machine-state.ts';

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
  };
}

/** After a frame. */
export function heardLink(link: Link, sign: Sign, { dataSilenceMs }: VenueTiming, nowMs: number): Link {
  // A first heartbeat shows that the subscription works; later ones show nothing about the data.
  const isProof = sign === 'data' || (sign === 'heartbeat' && !link.hasData);
  const proof = { hasData: true, dataDueMs: dataSilenceMs === undefined ? undefined : nowMs + dataSilenceMs };
  return { ...link, lastFrameMs: nowMs, isPinged: false, ...(isProof && proof) };
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

/** When silence, the next ping or the next reconciliation is due. */
export function linkWakeMs(link: Link, { deadAfterMs, pingAfterMs }: VenueTiming): number {
  const silenceMs = link.lastFrameMs + (link.isPinged ? deadAfterMs : pingAfterMs);
  return Math.min(silenceMs, link.pingAtMs, link.reconcileAtMs);
}
