/** The list of conditions in a status. */
import type { Condition } from './resource.ts';

export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/**
 * The list with one condition set. `lastTransitionTime` moves only when the status flips; a condition that says what it
 * said before stays the same object. The order of the others is kept, a new one comes last.
 */
export function setCondition(
  conditions: readonly Condition[],
  update: ConditionUpdate,
  now: Date,
): readonly Condition[] {
  const before = conditions.find(({ type }) => type === update.type);
  const hasFlipped = before?.status !== update.status;
  const lastTransitionTime = before === undefined || hasFlipped ? instantOf(now) : before.lastTransitionTime;
  const after: Condition = { ...update, lastTransitionTime };
  if (before === undefined) return [...conditions, after];
  return isSame(before, after) ? conditions : conditions.map((each) => (each === before ? after : each));
}

/** metav1.Time has whole seconds. */
const instantOf = (now: Date): string => now.toISOString().replace(/\.\d{3}Z$/, 'Z');

function isSame(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
