/**
 * Tells operator and console how the feed is, every second, or every 3 s what is long and no news:
 * `feed:status:<ns>/<name>`, from the active instance alone.
 */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import type { FeedStatus } from '@weir/wire';

const PERIOD_MS = 1_000;
/** One that names many symbols, and says nothing new, is not worth its bytes every second. */
const LARGE_CHARS = 16_384;
const LARGE_PERIOD_MS = 3_000;

export interface StatusReporterOptions {
  /** The status key of the feed. */
  readonly key: string;
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `undefined` while this instance is not the active one. */
  readonly read: () => FeedStatus | undefined;
}

export interface StatusReporter {
  /** Reports at once instead of with the next second. */
  report(): void;
  stop(): Promise<void>;
}

export function startStatusReporter({ key, client, clock, logger, read }: StatusReporterOptions): StatusReporter {
  let writing: Promise<void> | undefined;
  /** What was written last but for its time, and when. */
  let written = { words: '', atMs: -Infinity };

  const write = async (status: FeedStatus): Promise<void> => {
    try {
      const text = JSON.stringify(status);
      const words = text.length < LARGE_CHARS ? '' : JSON.stringify({ ...status, updatedAt: '' });
      const nowMs = clock.monotonicMs();
      // Timers come a little early and a little late.
      const isDue = nowMs - written.atMs > LARGE_PERIOD_MS - PERIOD_MS / 2;
      if (!isDue && words !== '' && words === written.words) return;
      await client.call('SET', key, text, 'EX', keyspace.feedStatus.ttlSeconds);
      written = { words, atMs: nowMs };
    } catch (err) {
      logger.debug({ err }, 'feed status not written');
    }
  };
  const report = (): void => {
    const status = writing === undefined ? read() : undefined;
    if (status === undefined) return;
    writing = write(status).finally(() => {
      writing = undefined;
    });
  };
  const timer = clock.setInterval(report, PERIOD_MS);
  return {
    report,
    async stop() {
      timer.cancel();
      await writing;
    },
  };
}
