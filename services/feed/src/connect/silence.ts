/** What it means when a connection lives and its markets say nothing, and when it is given up for that. Pure. */
import type { VenueTiming } from '@weir/venues';
import type { Link } from './machine-state.ts';
import { UNCONFIRMED_MS, type Survey } from './survey-markets.ts';

/** So many markets are not all quiet for so long, and as much longer as they are fewer. */
const QUIET_MARKETS = 50;
const QUIET_MS = 30_000;
const PATIENCE_MS_MAX = 1_800_000;
/** A snapshot and one more for having asked again confirm a market for less. */
const CALM_MS = 30_000;

/**
 * How long it is waited for data: twice as long after each connection that was given up for want of them. Where a new one
 * brings nothing new, the next will not either, and markets may just be quiet.
 */
export function patienceMs(firstMs: number, { freezes }: Pick<Link, 'freezes'>): number {
  return Math.min(firstMs * 2 ** freezes, Math.max(firstMs, PATIENCE_MS_MAX));
}

/**
 * The one before was given up for want of data, and nothing has moved on this one so far: what it sent at first may be as
 * old as what stood still before.
 */
export function isUnproven({ freezes }: Pick<Link, 'freezes'>): boolean {
  return freezes > 0;
}

/**
 * After a look at its markets: most of them without a confirmation make it stale, and are the end of it if they have lost
 * it on this very connection and for as long again. So is silence of all of them where the venue proves them all by any
 * frame.
 */
export function surveyedLink(
  link: Link,
  survey: Survey,
  { dataSilenceMs }: VenueTiming,
  nowMs: number,
): { readonly link: Link; readonly fault?: string } {
  const { followed, valued, unconfirmed, lapsed } = survey;
  const isOld = link.staleSinceMs !== undefined || nowMs - link.calmSinceMs >= UNCONFIRMED_MS;
  const next = movedLink(unconfirmed * 2 > valued && isOld ? staleLink(link, nowMs) : calmLink(link), survey, {
    dataSilenceMs,
    nowMs,
  });
  const { staleSinceMs } = next;
  if (staleSinceMs !== undefined && nowMs - staleSinceMs >= patienceMs(UNCONFIRMED_MS, next) && lapsed * 2 > valued)
    return { link: next, fault: `nothing confirms ${lapsed} of ${followed} markets` };
  if (dataSilenceMs === undefined || followed === 0) return { link: next };
  const firstMs = Math.min(dataSilenceMs, (QUIET_MS * QUIET_MARKETS) / Math.min(followed, QUIET_MARKETS));
  const silenceMs = patienceMs(firstMs, next);
  const isFrozen = nowMs - (link.lastDataMs ?? nowMs) >= silenceMs;
  const fault = `nothing came of any of ${followed} markets for ${Math.round(silenceMs / 1_000)} s`;
  return isFrozen ? { link: next, fault } : { link: next };
}

const staleLink = (link: Link, nowMs: number): Link => ({
  ...link,
  calmSinceMs: nowMs,
  staleSinceMs: link.staleSinceMs ?? nowMs,
});

const calmLink = (link: Link): Link => (link.staleSinceMs === undefined ? link : { ...link, staleSinceMs: undefined });

/** Where any frame proves them all, a market has to have moved; elsewhere most of them to be confirmed for a while. */
function movedLink(
  link: Link,
  { moved }: Survey,
  { dataSilenceMs, nowMs }: { readonly dataSilenceMs: number | undefined; readonly nowMs: number },
): Link {
  if (!isUnproven(link)) return link;
  const isCalm = link.lastDataMs !== undefined && nowMs - link.calmSinceMs >= CALM_MS;
  const hasMoved = dataSilenceMs === undefined ? isCalm : moved > 0;
  return hasMoved ? { ...link, freezes: 0 } : link;
}

/** After a standstill of all markets: its length counts as nobody's silence. */
export function resumedLink(link: Link, { firstDataMs }: VenueTiming, nowMs: number): Link {
  return {
    ...link,
    dataDueMs: nowMs + firstDataMs,
    lastDataMs: undefined,
    calmSinceMs: nowMs,
    staleSinceMs: undefined,
  };
}
