/** Events (events.k8s.io/v1) about objects, for `kubectl describe`. */
import type { KubeObject } from './resource.ts';

export interface ObjectEvent {
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase: `KeyIssued`. */
  readonly reason: string;
  /** What was done or tried, in CamelCase: `IssueKey`. */
  readonly action: string;
  /** For people, 1 kB at most; longer ones are cut. */
  readonly note: string;
}

/**
 * For transitions only: what holds for a while belongs in a condition. The same event again within some minutes becomes
 * a count on the first one. It is told in the background, never fails the caller, and may be lost.
 */
export interface EventRecorder {
  record(event: ObjectEvent): void;
}
