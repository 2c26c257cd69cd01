import type { PolicyKey } from '@weir/wire';
import { expect, test } from 'vitest';
import type { KeySecret } from './key-secret.ts';
import { planKey, rotationDueMs, type KeyPlan } from './plan-key.ts';

const HOUR_MS = 3_600_000;
const nowMs = 100 * HOUR_MS;
const key = (changes: Partial<PolicyKey> = {}): PolicyKey => ({
  name: 'acme',
  project: 'acme',
  secretName: 'acme-key',
  ...changes,
});
const secret = (changes: Partial<KeySecret> = {}): KeySecret => ({
  origin: 'own',
  isGoing: false,
  sha256: 'a'.repeat(64),
  issuedAtMs: nowMs - 10 * HOUR_MS,
  ...changes,
});
const taken = (changes: object = {}): object => ({ kind: 'take', sha256: 'a'.repeat(64), ...changes });
const rotate = { everyMs: 10 * HOUR_MS, overlapMs: HOUR_MS };
const { sha256: _sha256, ...textless } = secret();

const cases: readonly [string, PolicyKey, KeySecret | undefined, object][] = [
  ['no Secret', key(), undefined, { kind: 'create' }],
  ['no Secret of a key that has expired', key({ expiresAtMs: nowMs }), undefined, { kind: 'absent' }],
  ['a Secret of ours', key(), secret(), taken()],
  [
    'one whose texts of before have an end',
    key(),
    secret({ previousUntilMs: nowMs + 5 }),
    taken({ othersEndAtMs: nowMs + 5 }),
  ],
  ['one that is due', key({ rotate }), secret(), taken({ rotatesUntilMs: nowMs + HOUR_MS })],
  ['one that is not due yet', key({ rotate }), secret({ issuedAtMs: nowMs - 10 * HOUR_MS + 1 }), taken()],
  ['one that is due, of an expired key', key({ rotate, expiresAtMs: nowMs }), secret(), taken()],
  ['a foreign one', key({ rotate }), secret({ origin: 'foreign' }), taken()],
  ['one of a policy that is gone', key(), secret({ origin: 'predecessor' }), { kind: 'wait' }],
  ['one that is going', key(), secret({ isGoing: true }), { kind: 'wait' }],
  [
    'one without a text',
    key({ rotate }),
    { ...textless, problem: 'is empty' },
    { kind: 'invalid', problem: 'is empty' },
  ],
];

test.each(cases)('%s', (_name, asked, found, plan) => {
  expect(planKey(asked, found, nowMs)).toEqual(plan as KeyPlan);
});

test('a Secret of ours that has lost its date is rotated at once, a foreign one never', () => {
  const { issuedAtMs: _lost, ...dateless } = secret();
  expect(rotationDueMs(key({ rotate }), dateless)).toBe(0);
  expect(rotationDueMs(key({ rotate }), { ...dateless, origin: 'foreign' })).toBeUndefined();
  expect(rotationDueMs(key(), dateless)).toBeUndefined();
});
