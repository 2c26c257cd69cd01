/** Reads `feed:status` of every feed that runs, every few seconds and in one turn, and says whose report has changed. */
import type { Clock, Timer } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import type { FeedStatus } from '@weir/wire';
import { keyOf, nameOf, type Cache, type Fence, type ObjectKey } from '../kube/index.ts';
import { observeReport, type FeedReport, type Observation } from './feed-report.ts';
import type { PriceFeed } from './price-feed.ts';

export interface ReportPollerOptions {
  readonly feeds: Cache<PriceFeed>;
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fence: Fence;
}

export interface ReportPoller {
  /** Whether Valkey has been read since this process began: before that, no news is no news. */
  readonly hasRead: boolean;
  reportOf(key: ObjectKey): FeedReport | undefined;
  /** Up to which change of the documents the active pod has come; 0 when none has reported. */
  appliedSeqOf(key: ObjectKey): number;
  start(onChange: (key: ObjectKey) => void): () => void;
}

const PERIOD_MS = 3_000;
/** How soon the first reading is tried again. */
const TICK_MS = 500;

export function createReportPoller(options: ReportPollerOptions): ReportPoller {
  const { feeds, client, clock, logger, fence } = options;
  const observations = new Map<ObjectKey, Observation>();
  const appliedSeqs = new Map<ObjectKey, number>();
  let hasRead = false;

  const readAll = async (keys: readonly ObjectKey[]): Promise<readonly (FeedStatus | undefined)[]> => {
    const texts = await Promise.all(keys.map((key) => client.get(keyspace.feedStatus.key(nameOf(key)))));
    return texts.map((text) => (text === null ? undefined : readFeedStatus(text)));
  };
  const poll = async (onChange: (key: ObjectKey) => void): Promise<void> => {
    const keys = feeds.list().filter(runs).map(keyOf);
    const statuses = await readAll(keys);
    const nowMs = clock.monotonicMs();
    for (const [index, key] of keys.entries()) {
      const before = observations.get(key);
      const after = observeReport(before, statuses[index], nowMs);
      observations.set(key, after);
      appliedSeqs.set(key, statuses[index]?.appliedSeq ?? 0);
      if (before?.shown !== after.shown) onChange(key);
    }
    const running = new Set(keys);
    for (const each of [observations, appliedSeqs])
      for (const key of each.keys()) if (!running.has(key)) each.delete(key);
  };

  return {
    get hasRead() {
      return hasRead;
    },
    appliedSeqOf: (key) => appliedSeqs.get(key) ?? 0,
    reportOf: (key) => observations.get(key)?.shown,
    start(onChange) {
      let isPolling = false;
      let dueMs = 0;
      const tick = async (): Promise<void> => {
        const nowMs = clock.monotonicMs();
        if (isPolling || nowMs < dueMs || !fence.isLeader || !feeds.synced) return;
        isPolling = true;
        try {
          await poll(onChange);
          dueMs = nowMs + PERIOD_MS - TICK_MS / 2;
          hasRead = true;
        } catch (err) {
          // What was read last stays; the next time tries again.
          logger.debug({ err }, 'reports of feeds could not be read');
        } finally {
          isPolling = false;
        }
      };
      const timer: Timer = clock.setInterval(() => void tick(), TICK_MS);
      return () => timer.cancel();
    },
  };
}

function runs({ spec, metadata }: PriceFeed): boolean {
  return !spec.suspend && spec.replicas > 0 && metadata.deletionTimestamp === undefined;
}

/** `undefined` for what is no report; written by feeds alone, so a look at its outline does. */
function readFeedStatus(text: string): FeedStatus | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // An object it is; what is used of it is looked at before.
  const { active, assets, sources, updatedAt, appliedSeq } = value as Partial<FeedStatus>;
  const hasCounts = [assets?.total, assets?.fresh, appliedSeq].every((count) => typeof count === 'number');
  if (typeof active !== 'string' || typeof updatedAt !== 'string' || !hasCounts || !Array.isArray(sources)) {
    return undefined;
  }
  return value as FeedStatus;
}
