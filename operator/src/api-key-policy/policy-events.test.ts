import { expect, test } from 'vitest';
import { conditionEvents, keyEvents } from './policy-events.ts';
import type { PolicyStatus } from './policy.ts';

const status = (...conditions: readonly (readonly [string, 'True' | 'False' | 'Unknown', string])[]): PolicyStatus => ({
  conditions: conditions.map(([type, is, reason]) => ({
    type,
    status: is,
    reason,
    message: `${reason}.`,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })),
});
const reasons = (before: PolicyStatus | undefined, after: PolicyStatus): readonly string[] =>
  conditionEvents(before, after).map(({ type, reason }) => `${type} ${reason}`);

test('a policy that is well from the start tells that it is enforced, and nothing twice', () => {
  const well = status(
    ['Accepted', 'True', 'Accepted'],
    ['Enforced', 'True', 'Enforced'],
    ['Ready', 'True', 'AllReady'],
  );
  expect(reasons(undefined, well)).toEqual(['Normal Enforced']);
  expect(reasons(well, well)).toEqual([]);
});

test('what changes is told, what is on its way is not', () => {
  const before = status(['ResolvedRefs', 'True', 'ResolvedRefs'], ['Enforced', 'True', 'Enforced']);
  const progressing = status(['ResolvedRefs', 'False', 'FeedNotFound'], ['Enforced', 'False', 'Progressing']);
  const late = status(['ResolvedRefs', 'True', 'ResolvedRefs'], ['Enforced', 'False', 'OutOfSync']);
  expect(reasons(before, progressing)).toEqual(['Warning FeedNotFound']);
  expect(reasons(progressing, late)).toEqual(['Normal ResolvedRefs', 'Warning OutOfSync']);
});

test('every happening of a key is told with its Secret', () => {
  const key = { name: 'acme', secretName: 'acme-key', state: { kind: 'active' }, isNeverRotated: false } as const;
  const happenings = ['issued', 'reissued', 'rotated', 'taken'] as const;
  const events = keyEvents({
    keys: [key, ...happenings.map((happening) => ({ ...key, happening }))],
    withdrawn: ['beta'],
  });
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
    'Normal KeyIssued',
    'Warning KeyReissued',
    'Normal KeyRotated',
    'Normal KeyTaken',
    'Normal KeyWithdrawn',
  ]);
  for (const { note } of events.slice(0, 4)) expect(note).toMatch(/acme\b.*acme-key|acme-key.*acme\b/);
});
