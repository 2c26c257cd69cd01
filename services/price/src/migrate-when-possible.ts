/** Brings the tables up to date without making the start wait: prices are served while Postgres is away. */
import { sleep, type Clock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import { keyMigrations } from '@weir/keys';
import { migrate, type Postgres } from '@weir/postgres';
import type { Logger } from '@weir/telemetry';

const FIRST_DELAY_MS = 500;
const DELAY_MS_MAX = 15_000;

export interface MigrateOptions {
  readonly postgres: Postgres;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** Tries until Postgres is there; gives up, with an error in the log, on anything but its absence. */
export async function migrateWhenPossible({ postgres, clock, logger, signal }: MigrateOptions): Promise<void> {
  for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(delayMs * 2, DELAY_MS_MAX)) {
    try {
      await migrate(postgres, keyMigrations, logger);
      return;
    } catch (err) {
      if (!isWeirError(err, 'POSTGRES_UNAVAILABLE')) {
        logger.error({ err }, 'tables could not be migrated');
        return;
      }
      logger.warn({ err, delayMs }, 'Postgres is away, migrations wait');
    }
    await sleep(clock, delayMs, signal).catch(() => {
      // Stopped while waiting.
    });
  }
}
