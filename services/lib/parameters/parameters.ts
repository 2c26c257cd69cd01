/** Application parameters: the hash `app:config`, followed. What is absent or unreadable has its default. */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';

export interface Parameters {
  /** As stored; `undefined` when it is not set or Valkey has not been read yet. */
  get(name: string): string | undefined;
  close(): Promise<void>;
}

export interface FollowParametersOptions {
  readonly valkey: Pick<Valkey, 'subscribe'> & { readonly bulk: Pick<Valkey['bulk'], 'hgetall'> };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For writers that set the hash and tell nobody. */
const POLL_MS = 10_000;

/** Reads at once, when the channel speaks, after each reconnection and every 10 s; while Valkey is away the last values stay. */
export function followParameters({ valkey, clock, logger }: FollowParametersOptions): Parameters {
  let values: ReadonlyMap<string, string> = new Map();
  let isReading = false;
  let isWanted = false;
  let isClosed = false;

  const read = async (): Promise<void> => {
    isWanted = !isClosed;
    if (isReading || isClosed) return;
    isReading = true;
    try {
      // What is announced while a reading is under way may have come too late for it.
      while (isWanted) {
        isWanted = false;
        values = new Map(Object.entries(await valkey.bulk.hgetall(keyspace.appConfig.key())));
      }
    } catch (err) {
      logger.debug({ err }, 'application parameters could not be read, the last ones stay');
    } finally {
      isReading = false;
    }
  };
  const look = (): void => void read();
  const subscription = valkey.subscribe([keyspace.configUpdates.key()], { message: look, up: look });
  const poller = clock.setInterval(look, POLL_MS);
  look();

  return {
    get: (name) => values.get(name),
    async close() {
      isClosed = true;
      isWanted = false;
      poller.cancel();
      await subscription.close();
    },
  };
}
