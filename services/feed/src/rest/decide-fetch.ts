/**
 * When a source is asked by REST. Pure.
 *
 * prewarm   At once, before any socket has delivered, and then at every interval.
 * rest      In the socket's place: once the source was not live for 5 s, until it has been live for 10 s. The gap between
 *           the two keeps a connection that flaps from switching with every flap.
 *           At the same pace, beside the socket, while what that says of some market is doubted: until that is decided, and
 *           for as long as REST has its vote.
 *
 * While the venue is halted its last prices stand still, and asking for them would only make them look young.
 */

export type Liveness = 'live' | 'halted' | 'down';

export interface FetchSettings {
  readonly isFallbackEnabled: boolean;
  /** Between two batches in the socket's place. */
  readonly batchIntervalMs: number;
  /** What the socket says of some market is doubted, for what REST says of it. */
  readonly isDoubted?: boolean;
  /** Absent: no prewarm. */
  readonly prewarmIntervalMs?: number | undefined;
}

export interface FetchState {
  readonly liveness: Liveness;
  readonly sinceMs: number;
  /** REST is in the socket's place. */
  readonly isStandingIn: boolean;
  readonly isFetching: boolean;
  readonly restDueMs: number;
  readonly prewarmDueMs: number;
}

export interface FetchDecision {
  readonly state: FetchState;
  readonly fetch: 'rest' | 'prewarm' | undefined;
  /** When to decide again, if nothing happens before. */
  readonly wakeAtMs: number;
}

const START_AFTER_MS = 5_000;
const STOP_AFTER_MS = 10_000;
/** After a prewarm that brought nothing; sooner where a refusal says when. */
const PREWARM_RETRY_MS = 5_000;
const RETRY_MS_MIN = 250;

export function createFetchState(nowMs: number): FetchState {
  return {
    liveness: 'down',
    sinceMs: nowMs,
    isStandingIn: false,
    isFetching: false,
    restDueMs: nowMs,
    prewarmDueMs: nowMs,
  };
}

export function noteLiveness(state: FetchState, liveness: Liveness, nowMs: number): FetchState {
  return liveness === state.liveness ? state : { ...state, liveness, sinceMs: nowMs };
}

export function decideFetch(before: FetchState, settings: FetchSettings, nowMs: number): FetchDecision {
  const switchAtMs = switchingMs(before, settings);
  const isStandingIn = nowMs >= switchAtMs ? !before.isStandingIn : before.isStandingIn;
  const state = isStandingIn === before.isStandingIn ? before : { ...before, isStandingIn };
  const isRestWanted = isStandingIn || (settings.isFallbackEnabled && settings.isDoubted === true);
  const restDueMs = isRestWanted ? state.restDueMs : Infinity;
  const prewarmDueMs = settings.prewarmIntervalMs === undefined ? Infinity : state.prewarmDueMs;
  const isPossible = !state.isFetching && state.liveness !== 'halted';
  const fetch = !isPossible ? undefined : restDueMs <= nowMs ? 'rest' : prewarmDueMs <= nowMs ? 'prewarm' : undefined;
  const dueMs = isPossible && fetch === undefined ? Math.min(restDueMs, prewarmDueMs) : Infinity;
  const wakeAtMs = Math.min(dueMs, switchingMs(state, settings));
  return { state: fetch === undefined ? state : { ...state, isFetching: true }, fetch, wakeAtMs };
}

/** `retryAfterMs`: what a refusal asks for. */
export function noteFetched(
  state: FetchState,
  how: {
    readonly via: 'rest' | 'prewarm';
    readonly startedMs: number;
    readonly isOk: boolean;
    readonly retryAfterMs?: number;
  },
  settings: FetchSettings,
  nowMs: number,
): FetchState {
  const { batchIntervalMs, prewarmIntervalMs = 0 } = settings;
  // Paced from beginning to beginning: an answer that takes long does not make prices older than need be.
  const restDueMs = Math.max(how.startedMs + batchIntervalMs, nowMs + (how.retryAfterMs ?? 0));
  const retryMs = how.retryAfterMs ?? Math.min(prewarmIntervalMs, PREWARM_RETRY_MS);
  const prewarmDueMs = how.isOk ? how.startedMs + prewarmIntervalMs : nowMs + Math.max(retryMs, RETRY_MS_MIN);
  return { ...state, isFetching: false, restDueMs, prewarmDueMs };
}

/** When REST takes the socket's place or gives it back, as things stand. */
function switchingMs({ isStandingIn, liveness, sinceMs }: FetchState, { isFallbackEnabled }: FetchSettings): number {
  if (isStandingIn) {
    if (!isFallbackEnabled) return -Infinity;
    return liveness === 'down' ? Infinity : sinceMs + STOP_AFTER_MS;
  }
  return isFallbackEnabled && liveness === 'down' ? sinceMs + START_AFTER_MS : Infinity;
}
