/**
 * Adaptive throttling of upstreams that struggle: every process counts what became of its requests, all share one view.
 *
 * Guarantees: only requests really sent are counted, so shedding does not feed on itself; a decision is synchronous; one
 * upstream is judged by the whole cluster's requests of 10 to 30 s; shedding never begins by fewer than 20 of them, and
 * ends on evidence alone; one probe per second passes somewhere in the cluster while it sheds; without Valkey each process
 * goes on by its own counts. Does not: retry, queue, wait, or keep a provider's quota (`@weir/limiter` does). Mechanism
 * and figures: docs/governor.md.
 */
export { createGovernor, type GovernorOptions } from './create-governor.ts';
export type { Governor, GovernorScope, GovernorView, Outcome, Pass, Turn } from './governor.ts';
export { readStoredScope, type StoredScope } from './stored-scope.ts';
