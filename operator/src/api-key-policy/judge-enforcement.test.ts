import { expect, test } from 'vitest';
import { samplePolicy } from '../../test/api-key-policy/sample-policy.ts';
import { judgeEnforcement, OUT_OF_SYNC_MS, type Proof } from './judge-enforcement.ts';

const { spec } = samplePolicy();
type Known = Proof & { readonly kind: 'known' };
const proof = (applied: Readonly<Record<string, number | undefined>>, changes: Partial<Known> = {}): Known => ({
  kind: 'known',
  seq: 10,
  applied: new Map(Object.entries(applied)),
  waitedMs: 0,
  wasInForce: false,
  wasOutOfSync: false,
  ...changes,
});
const say = (given: Proof, changes: object = {}): string => {
  const { status, reason } = judgeEnforcement({ ...spec, ...changes }, given);
  return `${status} ${reason}`;
};

test.each<[string, Proof, string]>([
  ['nobody decides', proof({}), 'False NoDeciders'],
  ['all have come that far', proof({ a: 10, b: 11 }), 'True Enforced'],
  ['one has not', proof({ a: 10, b: 9 }), 'False Progressing'],
  ['one has reported nothing', proof({ a: 10, b: undefined }), 'False Progressing'],
  ['one has not, and there is time', proof({ a: 9 }, { waitedMs: OUT_OF_SYNC_MS - 1 }), 'False Progressing'],
  ['one has not in time', proof({ a: 9 }, { waitedMs: OUT_OF_SYNC_MS }), 'False OutOfSync'],
  ['it was said before a restart', proof({ a: 9 }, { wasOutOfSync: true }), 'False OutOfSync'],
  [
    'one has only just become ready',
    proof({ a: 10, b: undefined }, { wasInForce: true, waitedMs: 1_999 }),
    'True Enforced',
  ],
  [
    'and reports nothing still',
    proof({ a: 10, b: undefined }, { wasInForce: true, waitedMs: 2_000 }),
    'False Progressing',
  ],
  ['Valkey is away', { kind: 'unknown', reason: 'ValkeyUnreachable', problem: 'away' }, 'Unknown ValkeyUnreachable'],
  ['Valkey refuses', { kind: 'unknown', reason: 'ValkeyRefused', problem: 'NOPERM' }, 'Unknown ValkeyRefused'],
])('%s', (_name, given, said) => {
  expect(say(given)).toBe(said);
});

test('in force, a policy says what it does', () => {
  const inForce = proof({ a: 10 });
  expect(say(inForce, { suspend: true })).toBe('True Suspended');
  expect(say(inForce, { mode: 'DryRun' })).toBe('True DryRun');
  // A dry run refuses nothing, not even when it is suspended.
  expect(say(inForce, { mode: 'DryRun', suspend: true })).toBe('True DryRun');
  expect(say(proof({ a: 9 }), { mode: 'DryRun' })).toBe('False Progressing');
});

test('names those that are waited for, as many as can be read', () => {
  const { message } = judgeEnforcement(spec, proof({ a: 1, b: 10, c: 1, d: undefined, e: 2 }));
  expect(message).toBe('1 of 5 ready deciders apply this revision; waiting for a, c, d and 1 more.');
});
