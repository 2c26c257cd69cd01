/**
 * Adaptive throttling of upstreams that struggle: every process counts what became of its requests, all share one view.
 */
export type { Governor, GovernorScope, GovernorView, Outcome, Pass, Turn } from './governor.ts';
