/** Tells a connector's status when it differs from before: at once, or a little later where much may change in a row. */
import type { Clock, Timer } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { ConnectorStatus } from './connector-status.ts';

export interface StatusTeller {
  readonly status: ConnectorStatus;
  tell(): void;
  /** Thousands of answers come in a row, and each status looks at every symbol. */
  tellSoon(): void;
}

export interface StatusTellerOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'info'>;
  readonly describe: () => Omit<ConnectorStatus, 'sinceMs'>;
  readonly onStatus: (status: ConnectorStatus) => void;
}

const DELAY_MS = 100;

export function createStatusTeller({ clock, logger, describe, onStatus }: StatusTellerOptions): StatusTeller {
  let status: ConnectorStatus = { ...describe(), sinceMs: clock.nowMs() };
  let timer: Timer | undefined;
  const tell = (): void => {
    timer?.cancel();
    timer = undefined;
    const words = describe();
    const { sinceMs, ...known } = status;
    if (JSON.stringify(words) === JSON.stringify(known)) return;
    const isTransition = words.state !== known.state;
    status = { ...words, sinceMs: isTransition ? clock.nowMs() : sinceMs };
    const { state, reason, message } = words;
    if (isTransition) logger.info({ state, reason, message }, 'source changed');
    else logger.debug({ state, reason, message }, 'source says more');
    onStatus(status);
  };
  return {
    get status() {
      return status;
    },
    tell,
    tellSoon() {
      timer ??= clock.setTimeout(tell, DELAY_MS);
    },
  };
}
