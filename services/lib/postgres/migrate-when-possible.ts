/** Brings the tables up to date without making the start wait: processes work while Postgres is away. */
import { sleep, type Clock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

import { migrate, type Migration } from './migrate.ts';
import type { Postgres } from './postgres.ts';

const FIRST_DELAY_MS = 500;
const DELAY_MS_MAX = 15_000;

export interface MigrateWhenPossibleOptions {
  readonly postgres: Postgres;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** Tries until Postgres is there; gives up, with an error in the log, on anything but its absence. */
export async function migrateWhenPossible(
  migrations: readonly Migration[],
  { postgres, clock, logger, signal }: MigrateWhenPossibleOptions,
): Promise<void> {
  for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(delayMs * 2, DELAY_MS_MAX)) {
    try {
      await migrate(postgres, migrations, logger);
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
