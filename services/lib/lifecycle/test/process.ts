/** A small process with two parts, started by the test: its argument says how its second part stops. */
import { systemClock } from '@weir/clock';
import { createLifecycle } from '@weir/lifecycle';
import { pino } from 'pino';

const [behaviour = 'stops'] = process.argv.slice(2);
const logger = pino({ level: 'info' });
const lifecycle = createLifecycle({ clock: systemClock, logger, stopDeadlineMs: behaviour === 'misses' ? 50 : 30_000 });

// Keeps the process alive as a server would.
const timer = systemClock.setInterval(() => undefined, 1_000);
lifecycle.onStop('timer', () => timer.cancel());
lifecycle.onStop('part', () => {
  logger.info('part stops');
  return behaviour === 'stops' ? undefined : new Promise<void>(() => undefined);
});
lifecycle.handleSignals(process);
// Before it says that it is ready: the test signals as soon as it reads that.
process.once('SIGUSR2', () => void Promise.reject(new Error('nobody awaits this')));
lifecycle.markReady();
