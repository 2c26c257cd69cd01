/** What every process says of itself: how late its event loop runs, its memory, its age. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '@weir/clock';
import type { Metrics } from './metrics.ts';

const RESOLUTION_MS = 20;
/** The delay is that of a window of this length, or of the time between two collections if that is longer. */
const WINDOW_MS = 10_000;

/** Registers the gauges; the result stops the measurement. */
export function measureProcess(metrics: Metrics, clock: Clock): () => void {
  const startedMs = clock.monotonicMs();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let windowStartMs = startedMs;
  let lastDelaySeconds: number | undefined;

  const delayP99Seconds = (): number => {
    // Node counts from timer to timer, so that an idle loop shows the resolution; only what is above it is delay.
    const seconds = Math.max(0, delay.percentile(99) / 1e9 - RESOLUTION_MS / 1e3);
    const nowMs = clock.monotonicMs();
    if (nowMs - windowStartMs < WINDOW_MS) return lastDelaySeconds ?? seconds;
    windowStartMs = nowMs;
    lastDelaySeconds = seconds;
    delay.reset();
    return seconds;
  };

  metrics.gauge(
    'nodejs.eventloop.delay.p99',
    { description: 'How late the event loop ran timers, 99th percentile of the last window', unit: 's' },
    delayP99Seconds,
  );
  metrics.gauge('process.memory.usage', { description: 'Resident memory', unit: 'By' }, () =>
    process.memoryUsage.rss(),
  );
  metrics.gauge('process.uptime', { description: 'Age of the process', unit: 's' }, () => {
    return (clock.monotonicMs() - startedMs) / 1e3;
  });
  return () => void delay.disable();
}
