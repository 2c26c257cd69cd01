/**
 * The life of a process: starting, ready, draining, stopped.
 *
 * Guarantees: parts stop in reverse order of registration within one deadline; past it the remaining ones are told at
 * once and not waited for; a second signal leaves immediately; a fault nobody caught is logged and ends the process
 * with exit code 1. Does not: start parts, or know what HTTP is.
 */
export {
  createLifecycle,
  DEFAULT_STOP_DEADLINE_MS,
  type Lifecycle,
  type LifecycleOptions,
  type LifecycleState,
  type SignalTarget,
} from './lifecycle.ts';
