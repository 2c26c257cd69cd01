/** The contract between the work queue and what a kind does. */
import type { ObjectKey } from './resource.ts';

export interface ReconcileContext {
  /** Aborted when leadership is lost, the process stops, or the reconcile takes too long. */
  readonly signal: AbortSignal;
}

export interface ReconcileResult {
  /** Come back after this time even if nothing changes. Absent: only when something changes, or with the resync. */
  readonly requeueAfterMs?: number;
}

/**
 * Level-based: it is given a name only, reads what is, and brings what is desired about. A second run in a row writes
 * nothing. A rejection is tried again with backoff, but for an object that the server turned down for what is in it: that
 * waits for the next change.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;
