/** How long to wait before a connection is tried again. Pure. Why these numbers: docs/decisions/0020-reconnect-pace.md. */

/** For so long an outage is answered quickly; most are over by then. */
const FAST_PHASE_MS = 60_000;

const IMMEDIATE_MS_MAX = 250;
const FAST_DELAY_MS_MAX = 1_000;
const DELAY_MS_MAX = 30_000;
/** After the fast phase the delay grows with the outage, so that little is added to its length. */
const SHARE_OF_OUTAGE = 1 / 4;
const MAINTENANCE_DELAY_MS_MIN = 5_000;
const MAINTENANCE_SPREAD_MS = 1_000;
/** A venue that asks for more is asked again earlier all the same: such a header is more often wrong than meant. */
const RETRY_AFTER_MS_MAX = 3_600_000;

export interface Outage {
  /** Failures since the connection was last stable. */
  readonly attempts: number;
  /** Since it was last up. */
  readonly outageMs: number;
  /** The venue says that it is being worked on. */
  readonly isMaintenance: boolean;
  /** The venue's own wish. */
  readonly retryAfterMs?: number;
  /** Uniform in [0, 1). */
  readonly chance: number;
}

export function reconnectDelayMs(outage: Outage): number {
  const { attempts, outageMs, isMaintenance, retryAfterMs = 0, chance } = outage;
  const delayMs = attempts === 0 ? chance * IMMEDIATE_MS_MAX : spread(delayMsMax(outageMs), chance);
  const floorMs = isMaintenance ? MAINTENANCE_DELAY_MS_MIN + chance * MAINTENANCE_SPREAD_MS : 0;
  return Math.max(delayMs, floorMs, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
}

function delayMsMax(outageMs: number): number {
  const grownMs = (outageMs - FAST_PHASE_MS) * SHARE_OF_OUTAGE;
  return Math.min(DELAY_MS_MAX, Math.max(FAST_DELAY_MS_MAX, grownMs));
}

/** Half of it is certain, so that a failing venue is never hammered; half is chance, so that clients drift apart. */
function spread(delayMs: number, chance: number): number {
  return delayMs * (0.5 + chance / 2);
}

const HANDSHAKE_MS = 10_000;
/** A venue that comes back must not find us waiting for a handshake that was lost in its absence. */
export const FAST_HANDSHAKE_MS = 3_000;

/** `outageMs` is undefined when the connection was never lost. */
export function handshakeTimeoutMs(outageMs: number | undefined): number {
  return outageMs !== undefined && outageMs < FAST_PHASE_MS ? FAST_HANDSHAKE_MS : HANDSHAKE_MS;
}
