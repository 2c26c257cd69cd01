/** Instruments of controllers and their queues, by the names of controller-runtime: existing dashboards know them. */
import type { Telemetry } from '@weir/telemetry';
import type { QueueWatcher, WorkQueue } from './work-queue.ts';

export type ReconcileOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface ControllerMetrics extends QueueWatcher {
  reconciled(outcome: ReconcileOutcome, seconds: number): void;
  failed(kind: 'plain' | 'terminal' | 'panic'): void;
  retried(): void;
  /** Gauges that read the queue. */
  observe(queue: WorkQueue<string>): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const OUTCOMES: readonly ReconcileOutcome[] = ['success', 'error', 'requeue', 'requeue_after'];

type Instruments = Pick<Telemetry, 'counter' | 'gauge' | 'histogram'>;

export function createControllerMetrics(
  telemetry: Instruments,
  controller: string,
  concurrency: number,
): ControllerMetrics {
  const { counter, histogram } = instrumentsOf(telemetry, controller);
  const total = new Map(
    OUTCOMES.map((result) => [
      result,
      telemetry.counter('controller_runtime_reconcile_total', {
        description: 'Reconciles by their result',
        attributes: { controller, result },
      }),
    ]),
  );
  const errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed');
  const terminal = counter('controller_runtime_terminal_reconcile_errors_total', 'Failures that a person has to mend');
  const panics = counter('controller_runtime_reconcile_panics_total', 'Failures that are faults of the program');
  const seconds = histogram('controller_runtime_reconcile_time_seconds', 'Duration of reconciles');
  const adds = counter('workqueue_adds_total', 'Keys that were added');
  const retries = counter('workqueue_retries_total', 'Keys that were added again after a failure');
  const waited = histogram('workqueue_queue_duration_seconds', 'Time that keys waited for a worker');
  const worked = histogram('workqueue_work_duration_seconds', 'Time that workers took for a key');
  return {
    reconciled(outcome, duration) {
      total.get(outcome)?.add();
      seconds.record(duration);
    },
    failed(kind) {
      errors.add();
      if (kind === 'terminal') terminal.add();
      if (kind === 'panic') panics.add();
    },
    retried: () => retries.add(),
    added: () => adds.add(),
    taken: (waitedMs) => waited.record(waitedMs / 1e3),
    done: (workedMs) => worked.record(workedMs / 1e3),
    observe: (queue) => observeQueue(telemetry, controller, concurrency, queue),
  };
}

function instrumentsOf(telemetry: Instruments, controller: string) {
  // Queues are named by `name`, controllers by `controller`.
  const attributesOf = (metric: string) =>
    metric.startsWith('workqueue_') ? { name: controller, controller } : { controller };
  return {
    counter: (metric: string, description: string) =>
      telemetry.counter(metric, { description, attributes: attributesOf(metric) }),
    histogram: (metric: string, description: string) =>
      telemetry.histogram(metric, { description, unit: '', boundaries: SECONDS, attributes: attributesOf(metric) }),
  };
}

function observeQueue(telemetry: Instruments, controller: string, concurrency: number, queue: WorkQueue<string>): void {
  const ofController = (metric: string, description: string, read: () => number): void =>
    telemetry.gauge(metric, { description }, () => [{ value: read(), attributes: { controller } }]);
  const ofQueue = (metric: string, description: string, read: () => number): void =>
    telemetry.gauge(metric, { description }, () => [{ value: read(), attributes: { name: controller, controller } }]);
  const secondsOf = (times: readonly number[], fold: (...values: number[]) => number): number =>
    fold(0, ...times) / 1e3;
  ofController('controller_runtime_max_concurrent_reconciles', 'Objects at once, at most', () => concurrency);
  ofController('controller_runtime_active_workers', 'Objects that are being reconciled', () => queue.working);
  ofQueue('workqueue_depth', 'Keys that wait', () => queue.length);
  ofQueue('workqueue_unfinished_work_seconds', 'Time spent so far on what is being worked on', () =>
    secondsOf(queue.workingTimes(), (...values) => values.reduce((sum, value) => sum + value, 0)),
  );
  ofQueue('workqueue_longest_running_processor_seconds', 'Of these, the longest', () =>
    secondsOf(queue.workingTimes(), Math.max),
  );
}
