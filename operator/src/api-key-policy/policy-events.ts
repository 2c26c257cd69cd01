/** What is told about a policy by events: transitions only, since what lasts is in its conditions. Pure. */
import type { Condition, ObjectEvent } from '../kube/index.ts';
import type { KeyHappening, KeyOutcome, KeyReport } from './key-report.ts';
import type { PolicyStatus } from './policy.ts';

export type PolicyEvent = Omit<ObjectEvent, 'regarding'>;

interface Telling {
  readonly type: PolicyEvent['type'];
  readonly reason: string;
  readonly action: string;
  readonly note: (key: KeyOutcome) => string;
}

const TELLINGS: Readonly<Record<KeyHappening, Telling>> = {
  issued: {
    type: 'Normal',
    reason: 'KeyIssued',
    action: 'IssueKey',
    note: ({ name, secretName }) => `Key ${name} was issued into Secret ${secretName}.`,
  },
  reissued: {
    type: 'Warning',
    reason: 'KeyReissued',
    action: 'IssueKey',
    note: ({ name, secretName }) =>
      `Secret ${secretName} of key ${name} was gone: it was made anew with another text, and the one before is refused.`,
  },
  rotated: {
    type: 'Normal',
    reason: 'KeyRotated',
    action: 'RotateKey',
    note: ({ name, secretName }) => `Key ${name} has a new text in Secret ${secretName}.`,
  },
  taken: {
    type: 'Normal',
    reason: 'KeyTaken',
    action: 'TakeKey',
    note: ({ name, secretName }) => `Key ${name} is the text that Secret ${secretName} holds now.`,
  },
};

/** What happened to keys in this turn. */
export function keyEvents({ keys, withdrawn }: KeyReport): readonly PolicyEvent[] {
  const happened = keys.flatMap((key) => {
    if (key.happening === undefined) return [];
    const { type, reason, action, note } = TELLINGS[key.happening];
    return [{ type, reason, action, note: note(key) }];
  });
  const gone = withdrawn.map((name) => ({
    type: 'Normal' as const,
    reason: 'KeyWithdrawn',
    action: 'WithdrawKey',
    note: `Key ${name} is not asked for any more and is refused.`,
  }));
  return [...happened, ...gone];
}

/** What Ready says the others have said; what is on its way is no news, and neither is that all is well at first. */
export function conditionEvents(before: PolicyStatus | undefined, after: PolicyStatus): readonly PolicyEvent[] {
  return (after.conditions ?? []).flatMap((condition) => {
    const { type, reason } = condition;
    if (type === 'Ready' || reason === 'Progressing') return [];
    const known = before?.conditions?.find((each) => each.type === type);
    const isNews =
      known?.reason !== reason && !(known === undefined && condition.status === 'True' && type !== 'Enforced');
    return isNews ? [eventOf(condition)] : [];
  });
}

function eventOf({ status, reason, message }: Condition): PolicyEvent {
  return { type: status === 'True' ? 'Normal' : 'Warning', reason, action: 'Reconcile', note: message };
}
