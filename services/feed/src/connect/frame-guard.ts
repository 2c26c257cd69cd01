/** A fault in dealing with a frame costs that frame, not the process and with it all other venues. */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import { createQuietLog } from './quiet-log.ts';

export interface FrameGuardOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  readonly onFault: () => void;
}

export function createFrameGuard({ clock, logger, onFault }: FrameGuardOptions): (deal: () => void) => void {
  const note = createQuietLog(clock, (count, fault) => logger.warn({ count, fault }, 'frames failed'));
  return (deal) => {
    try {
      deal();
    } catch (err) {
      onFault();
      note(err instanceof Error ? (err.stack ?? err.message) : String(err));
    }
  };
}
