/** Start, readiness and ordered stop of one process. */
import type { Clock } from '@weir/clock';
import type { Logger } from 'pino';

export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped';

export interface Lifecycle {
  readonly state: LifecycleState;
  /** Aborted when draining begins, with the reason of the stop. */
  readonly draining: AbortSignal;
  /** Until the deadline of the stop: all the time there is before draining begins, 0 when it has passed. */
  timeLeftMs(): number;
  /** Registers a part; parts stop one after the other, the last registered first. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** From `starting` to `ready`; without effect once draining. */
  markReady(): void;
  /** Stops every part. Further calls get the same promise. It never rejects. */
  stop(reason: string): Promise<void>;
  /** Signals and faults nobody caught end the process through `stop`; a second signal ends it at once. */
  handleSignals(target: SignalTarget): void;
}

export type SignalTarget = Pick<NodeJS.Process, 'on' | 'exit'>;

export interface LifecycleOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For all parts together. */
  readonly stopDeadlineMs?: number;
}

interface Part {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
}

export const DEFAULT_STOP_DEADLINE_MS = 10_000;

/** As shells report a death by signal: 128 and the number of the signal. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { clock, logger, stopDeadlineMs = DEFAULT_STOP_DEADLINE_MS } = options;
  const drain = new AbortController();
  const parts: Part[] = [];
  let state: LifecycleState = 'starting';
  let stopping: Promise<void> | undefined;
  let deadlineMs: number | undefined;
  let isClean = true;

  const stopPart = async (part: Part): Promise<void> => {
    try {
      await part.stop();
      logger.debug({ part: part.name }, 'part stopped');
    } catch (err) {
      isClean = false;
      logger.error({ err, part: part.name }, 'part failed to stop');
    }
  };

  const stopAll = async (reason: string): Promise<void> => {
    state = 'draining';
    deadlineMs = clock.monotonicMs() + stopDeadlineMs;
    logger.info({ reason }, 'stopping');
    const deadline = startDeadline(clock, stopDeadlineMs);
    drain.abort(new Error(`stopping: ${reason}`));
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const done = stopPart(part);
      await Promise.race([done, deadline.passed]);
      if (!deadline.isPassed) continue;
      // A part that hangs must not keep the others from being told; there is no time left to wait for them.
      isClean = false;
      logger.error({ part: part.name, notAwaited: parts.map(({ name }) => name) }, 'stop deadline passed');
      for (const rest of parts.splice(0).toReversed()) void stopPart(rest);
    }
    deadline.cancel();
    state = 'stopped';
    logger.info({ reason, isClean }, 'stopped');
  };

  const stop = (reason: string): Promise<void> => (stopping ??= stopAll(reason));
  return {
    get state() {
      return state;
    },
    draining: drain.signal,
    timeLeftMs: () => (deadlineMs === undefined ? stopDeadlineMs : Math.max(0, deadlineMs - clock.monotonicMs())),
    onStop(name, stopIt) {
      // A part that came up while the others went down is not forgotten: `stopAll` may already have looked.
      if (state === 'stopped') void stopPart({ name, stop: stopIt });
      else parts.push({ name, stop: stopIt });
    },
    markReady() {
      if (state !== 'starting') return;
      state = 'ready';
      logger.info('ready');
    },
    stop,
    handleSignals: (target) => handleSignals(target, { stop, logger, exitCode: () => (isClean ? 0 : 1) }),
  };
}

interface Deadline {
  readonly passed: Promise<void>;
  readonly isPassed: boolean;
  cancel(): void;
}

function startDeadline(clock: Clock, delayMs: number): Deadline {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isPassed = false;
  const timer = clock.setTimeout(() => {
    isPassed = true;
    resolve();
  }, delayMs);
  return {
    passed: promise,
    get isPassed() {
      return isPassed;
    },
    cancel: () => timer.cancel(),
  };
}

interface SignalActions {
  readonly stop: (reason: string) => Promise<void>;
  readonly logger: Logger;
  readonly exitCode: () => number;
}

function handleSignals(target: SignalTarget, actions: SignalActions): void {
  let signals = 0;
  let hasFaulted = false;
  const exit = (): void => void target.exit(hasFaulted ? 1 : actions.exitCode());
  const onSignal = (signal: keyof typeof SIGNAL_EXIT_CODES): void => {
    signals += 1;
    if (signals > 1) {
      actions.logger.warn({ signal }, 'second signal, leaving without draining');
      target.exit(SIGNAL_EXIT_CODES[signal]);
      return;
    }
    void actions.stop(signal).then(exit);
  };
  const onFault = (reason: string, err: unknown): void => {
    hasFaulted = true;
    actions.logger.fatal({ err, reason }, 'unexpected fault, stopping');
    void actions.stop(reason).then(exit);
  };
  target.on('SIGTERM', () => onSignal('SIGTERM'));
  target.on('SIGINT', () => onSignal('SIGINT'));
  target.on('unhandledRejection', (err) => onFault('unhandledRejection', err));
  target.on('uncaughtException', (err) => onFault('uncaughtException', err));
}
