/**
 * What the status of a PriceFeed shows of `feed:status`, which changes every second: made so slow that nothing is
 * written to the API server unless something has happened. Pure.
 *
 * fresh: at least 99 % of the assets are. none: no asset was for 5 s. aging: fewer than 99 % for 30 s. silent: no active
 * pod has reported for 10 s. awaiting: none has yet, for a minute at most, as pods have to start first. From a bad state, two good reports in a row lead back to fresh.
 */
import type { FeedStatus, SourceState } from '@weir/wire';

export type Freshness = 'awaiting' | 'fresh' | 'aging' | 'none' | 'silent';

export interface ShownSource {
  readonly name: string;
  readonly state: SourceState;
  readonly reason: string;
}

/** As the status shows it; the same object as long as nothing has changed. */
export interface FeedReport {
  readonly freshness: Freshness;
  /** The pod that publishes. */
  readonly active: string | undefined;
  readonly total: number;
  readonly fresh: number;
  readonly sources: readonly ShownSource[];
}

export interface Observation {
  readonly shown: FeedReport;
  readonly polledMs: number;
  /** The instant that the last report names, and when it was first seen. */
  readonly updatedAt: string;
  readonly heardMs: number;
  readonly noneSinceMs: number | undefined;
  readonly agingSinceMs: number | undefined;
  readonly isGood: boolean;
  readonly sources: readonly ShownSource[];
  readonly fresh: number;
  readonly freshSinceMs: number;
}

const SHARE = 0.99;
const NONE_MS = 5_000;
const AGING_MS = 30_000;
const SILENT_MS = 10_000;
const FIRST_MS = 60_000;
/** A count that differs from the one shown has to stay for so long. */
const COUNT_MS = 60_000;
/** While nothing could be read, no time has passed. */
const GAP_MS = 8_000;

const NOTHING: FeedReport = { freshness: 'awaiting', active: undefined, total: 0, fresh: 0, sources: [] };

/** `read` is what Valkey has now. */
export function observeReport(
  before: Observation | undefined,
  read: FeedStatus | undefined,
  nowMs: number,
): Observation {
  const last = before ?? startAt(nowMs);
  const isGap = nowMs - last.polledMs > GAP_MS;
  const heardMs = isGap ? nowMs : last.heardMs;
  if (read === undefined || read.updatedAt === last.updatedAt) {
    const observed = { ...last, polledMs: nowMs, heardMs };
    const patienceMs = last.shown.total === 0 ? FIRST_MS : SILENT_MS;
    const isSilent = nowMs - heardMs >= patienceMs && last.shown.freshness !== 'silent';
    if (!isSilent) return observed;
    const shown: FeedReport = { ...last.shown, freshness: 'silent', active: undefined, fresh: 0 };
    return { ...observed, shown, isGood: false, noneSinceMs: undefined, agingSinceMs: undefined };
  }
  return hear(isGap ? { ...last, noneSinceMs: undefined, agingSinceMs: undefined } : last, read, nowMs);
}

const startAt = (nowMs: number): Observation => ({
  shown: NOTHING,
  polledMs: nowMs,
  updatedAt: '',
  heardMs: nowMs,
  noneSinceMs: undefined,
  agingSinceMs: undefined,
  isGood: false,
  sources: [],
  fresh: 0,
  freshSinceMs: nowMs,
});

function hear(last: Observation, read: FeedStatus, nowMs: number): Observation {
  const { total, fresh } = read.assets;
  const isGood = total > 0 && fresh >= total * SHARE;
  const noneSinceMs = fresh === 0 ? (last.noneSinceMs ?? nowMs) : undefined;
  const agingSinceMs = isGood ? undefined : (last.agingSinceMs ?? nowMs);
  const sources = read.sources.map(({ name, state, reason }) => ({ name, state, reason }));
  const freshSinceMs = fresh === last.fresh ? last.freshSinceMs : nowMs;
  const next = { polledMs: nowMs, updatedAt: read.updatedAt, heardMs: nowMs, noneSinceMs, agingSinceMs, isGood };
  const observed = { ...last, ...next, sources, fresh, freshSinceMs };
  return { ...observed, shown: showReport(last, observed, read) };
}

function showReport(last: Observation, now: Observation, { active, assets }: FeedStatus): FeedReport {
  const { shown } = last;
  const freshness = judge(last, now, assets.total);
  const isFirst = shown.total === 0;
  const isCountDue = assets.fresh !== shown.fresh && now.polledMs - now.freshSinceMs >= COUNT_MS;
  const showsCounts = isFirst || freshness !== shown.freshness || assets.total !== shown.total || isCountDue;
  // A source that was away between two readings has not been away.
  const isSettled = isFirst || isSame(last.sources, now.sources);
  const sources = isSettled && !isSame(shown.sources, now.sources) ? now.sources : shown.sources;
  const next: FeedReport = {
    freshness,
    active,
    total: assets.total,
    fresh: showsCounts ? assets.fresh : shown.fresh,
    sources,
  };
  return isSame(shown, next) ? shown : next;
}

function judge(last: Observation, now: Observation, total: number): Freshness {
  const { freshness } = last.shown;
  if (total === 0) return 'awaiting';
  if (now.isGood) {
    const isFirst = freshness === 'awaiting' || last.shown.total === 0;
    const isSettled = isFirst || freshness === 'fresh' || last.isGood;
    return isSettled ? 'fresh' : freshness;
  }
  const lasted = (sinceMs: number | undefined, ms: number): boolean =>
    sinceMs !== undefined && now.polledMs - sinceMs >= ms;
  if (lasted(now.noneSinceMs, NONE_MS)) return 'none';
  if (lasted(now.agingSinceMs, AGING_MS)) return 'aging';
  // Somebody reports again.
  return freshness === 'silent' ? 'awaiting' : freshness;
}

/** Both are plain and built by the same code. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
