/** Tells operator and console every second how the feed is: `feed:status:<ns>/<name>`, from the active instance alone. */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import type { FeedStatus } from '@weir/wire';

const PERIOD_MS = 1_000;

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

  const write = async (status: FeedStatus): Promise<void> => {
    try {
      await client.call('SET', key, JSON.stringify(status), 'EX', keyspace.feedStatus.ttlSeconds);
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
