/** What the connector tells the log of single symbols and of announced work; the machine sees to it that each comes once. */
import type { Logger } from '@weir/telemetry';
import type { Notice } from './machine-state.ts';

export function logNotice(logger: Pick<Logger, 'info' | 'warn'>, { kind, ...data }: Notice): void {
  switch (kind) {
    case 'refused':
      logger.warn(data, 'venue refuses a symbol');
      break;
    case 'accepted':
      logger.info(data, 'venue accepts a symbol again');
      break;
    case 'maintenance-announced':
      logger.info(data, 'venue announces maintenance');
      break;
    case 'market-halted':
      logger.info(data, 'market stands still');
      break;
    case 'market-resumed':
      logger.info(data, 'market goes on');
      break;
    case 'draining':
      logger.info(data, 'connection is about to end, a second one is opened');
      break;
    case 'handed-over':
      logger.info(data, 'second connection has taken over');
      break;
    case 'drain-given-up':
      logger.warn(data, 'second connection given up, the first one stays until it ends');
  }
}
