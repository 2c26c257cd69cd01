/**
 * Takes a repeated signal for the same keypress when it follows at once.
 *
 * Ctrl-C reaches every process of the terminal, and npm hands it on to its child as well: under `npm start` one
 * keypress is two signals, and the second would end the process without draining.
 */
import type { Clock } from '@weir/clock';
import type { SignalTarget } from '@weir/lifecycle';

const SAME_KEYPRESS_MS = 500;

export function oncePerKeypress(target: SignalTarget, clock: Clock): SignalTarget {
  const lastMs = new Map<string | symbol, number>();
  const on = (event: string | symbol, listener: (...args: unknown[]) => void): NodeJS.Process => {
    const isSignal = event === 'SIGINT' || event === 'SIGTERM';
    return target.on(event, (...args: unknown[]) => {
      const nowMs = clock.monotonicMs();
      const isRepeat = isSignal && nowMs - (lastMs.get(event) ?? -Infinity) < SAME_KEYPRESS_MS;
      if (isSignal && !isRepeat) lastMs.set(event, nowMs);
      if (!isRepeat) listener(...args);
    });
  };
  return { on, exit: (code) => target.exit(code) };
}
