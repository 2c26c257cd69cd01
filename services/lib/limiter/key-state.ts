/**
 * What a process knows of one key: the lease it holds, the refusal that still holds, demand, and who is waiting.
 *
 * Pure functions over one mutable record, since hundred thousands of these live at once and are touched per request.
 */
import type { DecisionReply } from './decision-script.ts';
import type { Decision, DecideRequest } from './decision.ts';
import { LEASE_MARGIN_MS, leaseTerms, type LeaseTerms } from './lease-terms.ts';

export interface Waiter {
  readonly request: DecideRequest;
  readonly sinceMs: number;
  readonly resolve: (decision: Decision) => void;
}

export interface KeyState {
  readonly keyId: string;
  terms: LeaseTerms;
  retentionMs: number;
  /** Unspent tokens of the lease, worth nothing from `leaseEndMs` (monotonic) on. */
  leasedTokens: number;
  leaseEndMs: number;
  /** A refill is asked for when no more than these are left. */
  refillAtTokens: number;
  /** Level of the bucket as Valkey last told it, without what is leased here. */
  level: number;
  levelAtMs: number;
  /** A cost of this or more is refused until `refusedUntilMs` (monotonic). */
  refusedCost: number;
  refusedUntilMs: number;
  /** Requests that wait for Valkey, oldest first, without those that the call in flight is for. */
  waiting: Waiter[];
  isAsking: boolean;
  /** Decisions since the last call. */
  decisions: number;
  demandPerSecond: number;
  demandSeen: number;
  demandSinceMs: number;
  /** Level of the local bucket that LocalLimit uses; `localAtMs` is when it was so. */
  localTokens: number;
  localAtMs: number;
}

/** How long Valkey remembers an idle key unless the request says otherwise. */
const RETENTION_MS = 300_000;

export function createKeyState(request: DecideRequest, nowMs: number): KeyState {
  const { keyId, bucket } = request;
  const terms = leaseTerms(bucket);
  return {
    keyId,
    terms,
    retentionMs: request.retentionMs ?? RETENTION_MS,
    leasedTokens: 0,
    leaseEndMs: Number.NEGATIVE_INFINITY,
    refillAtTokens: 0,
    level: terms.burst,
    levelAtMs: Number.NEGATIVE_INFINITY,
    refusedCost: Number.POSITIVE_INFINITY,
    refusedUntilMs: Number.NEGATIVE_INFINITY,
    waiting: [],
    isAsking: false,
    decisions: 0,
    demandPerSecond: 0,
    demandSeen: 0,
    demandSinceMs: nowMs,
    localTokens: Number.POSITIVE_INFINITY,
    localAtMs: nowMs,
  };
}

/** A changed limit takes effect at once: a refusal under the old one says nothing. Tokens that are leased stay so. */
export function adoptPolicy(state: KeyState, request: DecideRequest): void {
  const { bucket, retentionMs = RETENTION_MS } = request;
  const { policy } = state.terms;
  state.retentionMs = retentionMs;
  if (policy.ratePerSecond === bucket.ratePerSecond && policy.burst === bucket.burst) return;
  state.terms = leaseTerms(bucket);
  state.refusedCost = Number.POSITIVE_INFINITY;
  state.level = Math.min(state.level, state.terms.burst);
}

const DEMAND_WINDOW_MS = 250;

/** Folds what was asked for since the last time into the average; long silence weighs more than a busy moment. */
function measureDemand(state: KeyState, nowMs: number): void {
  const elapsedMs = nowMs - state.demandSinceMs;
  if (elapsedMs < DEMAND_WINDOW_MS) return;
  const seenPerSecond = (state.demandSeen * 1_000) / elapsedMs;
  const weight = elapsedMs / (elapsedMs + DEMAND_WINDOW_MS);
  state.demandPerSecond += (seenPerSecond - state.demandPerSecond) * weight;
  state.demandSeen = 0;
  state.demandSinceMs = nowMs;
}

/** One call of the decision script for one key. */
export interface Call {
  readonly cost: number;
  /** All of one cost, oldest first; none for a refill ahead of need. */
  readonly batch: readonly Waiter[];
  /** Tokens wanted beyond what the batch spends. */
  readonly ahead: number;
  /** Tokens of the lease in hand that the call makes part of the new lease. */
  readonly held: number;
  readonly terms: LeaseTerms;
  readonly sentMs: number;
}

/** Below this a lease would strand more than it saves. */
const LEASED_DEMAND_PER_SECOND = 10;
/** A lease covers this share of its life, so that a steady caller spends all of it. */
const LEASE_FILL = 0.6;

/** Takes from the queue all leading requests of one cost. `undefined`: nobody waits and nothing is wanted ahead. */
export function planCall(state: KeyState, nowMs: number, mayLease: boolean): Call | undefined {
  measureDemand(state, nowMs);
  endLease(state, nowMs);
  const { terms, waiting } = state;
  const first = waiting[0]?.request;
  const cost = first?.cost ?? 1;
  const end = waiting.findIndex(({ request }) => request.cost !== cost);
  const batch = waiting.splice(0, end === -1 ? waiting.length : end);
  const held = state.leasedTokens;
  const isLeased =
    mayLease &&
    cost > 0 &&
    first?.dryRun !== true &&
    terms.leaseMs > 0 &&
    state.demandPerSecond >= LEASED_DEMAND_PER_SECOND;
  const wanted = isLeased ? Math.floor((state.demandPerSecond * terms.leaseMs * LEASE_FILL) / 1_000) : 0;
  const ahead = Math.max(0, Math.min(wanted, terms.leaseTokensMax) - held);
  if (batch.length === 0 && ahead === 0) return undefined;
  return { cost, batch, ahead, held, terms, sentMs: nowMs };
}

/** Tokens of a lease that is over are nobody's here: not to spend, and not to tell of. */
export function endLease(state: KeyState, nowMs: number): void {
  if (nowMs >= state.leaseEndMs) state.leasedTokens = 0;
}

/** The call that hands the lease back, and nothing in hand any more; `undefined` when there is nothing to hand back. */
export function giveLeaseUp(state: KeyState, nowMs: number): Call | undefined {
  const { leasedTokens, leaseEndMs, terms } = state;
  state.leasedTokens = 0;
  if (leasedTokens === 0 || nowMs >= leaseEndMs) return undefined;
  return { cost: 1, batch: [], ahead: 0, held: 0, terms, sentMs: nowMs };
}

const REFILL_AT = 0.25;

/** Takes over what the script granted and refused. */
export function applyReply(state: KeyState, call: Call, reply: DecisionReply, nowMs: number): void {
  const { cost, batch, ahead, held, terms } = call;
  state.level = reply.level;
  state.levelAtMs = nowMs;
  if (ahead > 0 && reply.admitted + reply.granted > 0) {
    // What was held has been spent from meanwhile; what Valkey knew nothing of any more is gone.
    const left = held === 0 ? 0 : Math.min(state.leasedTokens, reply.kept);
    state.leasedTokens = left + reply.granted;
    // From before sending, so that it ends here before it ends at the server, however long the answer took.
    state.leaseEndMs = call.sentMs + terms.leaseMs - LEASE_MARGIN_MS;
    state.refillAtTokens = Math.floor(state.leasedTokens * REFILL_AT);
  }
  endLease(state, nowMs);
  // A look leaves a refusal as it is.
  if (cost === 0) return;
  const isRefused = reply.admitted < Math.max(1, batch.length) && reply.refusedBy > 0;
  if (isRefused && state.terms === terms) {
    state.refusedCost = cost;
    state.refusedUntilMs = nowMs + reply.waitMs;
  } else {
    state.refusedCost = Number.POSITIVE_INFINITY;
  }
}

/** The part of a limit that one process of so many may use by itself. */
export function localShare(
  { tokensPerMs, burst }: LeaseTerms,
  livePods: number,
): Pick<LeaseTerms, 'tokensPerMs' | 'burst'> {
  const pods = Math.max(1, livePods);
  return { tokensPerMs: tokensPerMs / pods, burst: Math.max(1, burst / pods) };
}

/**
 * Takes from the local bucket of LocalLimit; 0 when the cost was taken, else the wait in ms.
 *
 * The local bucket never holds more than this process's share of what Valkey last told, with what has flowed in since: a
 * Valkey that comes and goes gives no fresh burst each time. And it never holds more than its own refill has restored
 * since the outage before, so that what was admitted then is not forgotten when Valkey returns.
 *
 * What remains: Valkey never learns of what is admitted here, as its script debits nothing after the fact. So an outage
 * adds, in all processes together, at most what was in the bucket when they last heard of it, which is no more than the
 * burst, and rate × the length of the outage. For a key that uses up its limit the former is next to nothing. Many
 * outages together never add more than burst + rate × time (a token for each process, where there are more processes
 * than the burst has tokens; and once what a cost above the share exceeds it by, which is paid off). A process that knows nothing of a key (it has just
 * started, or forgot the key among too many) begins with its whole share.
 */
export function takeLocally(state: KeyState, cost: number, livePods: number, nowMs: number): number {
  const { tokensPerMs, burst } = localShare(state.terms, livePods);
  const refilled = state.localTokens + (nowMs - state.localAtMs) * tokensPerMs;
  const told = (state.level / state.terms.tokensPerMs + (nowMs - state.levelAtMs)) * tokensPerMs;
  state.localTokens = Math.min(burst, refilled, told);
  state.localAtMs = nowMs;
  // A cost above the share is let in when the share is whole, and is paid off afterwards.
  const missing = Math.min(cost, burst) - state.localTokens;
  if (missing > 0) return missing / tokensPerMs;
  state.localTokens -= cost;
  return 0;
}
