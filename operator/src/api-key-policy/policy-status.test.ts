import { expect, test } from 'vitest';
import { samplePolicy } from '../../test/api-key-policy/sample-policy.ts';
import type { KeyOutcome, KeyReport, KeyState } from './key-report.ts';
import type { ApiKeyPolicy } from './policy.ts';
import { isSameStatus, statusOf, statusOfCleanup, type StatusInputs } from './policy-status.ts';

const keyOf = (state: KeyState, changes: Partial<KeyOutcome> = {}): KeyOutcome => ({
  name: 'acme',
  secretName: 'acme-key',
  state,
  isNeverRotated: false,
  ...changes,
});
const report = (...keys: readonly KeyOutcome[]): KeyReport => ({ keys, withdrawn: [] });
const NOW = new Date(Date.UTC(2026, 0, 2));
const inputs = (changes: Partial<StatusInputs> = {}): StatusInputs => ({
  policy: samplePolicy({ tier: 'pro' }),
  verdict: { kind: 'accepted' },
  trustedNamespaces: ['weir'],
  revision: '0123456789ab',
  missingFeeds: [],
  keys: report(),
  proof: { kind: 'known', seq: 1, applied: new Map([['a', 1]]), waitedMs: 0, wasInForce: false, wasOutOfSync: false },
  now: NOW,
  ...changes,
});
const { proof: _proof, ...unproven } = inputs();
const said = (given: StatusInputs): readonly string[] =>
  (statusOf(given).conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
const away = (): Error => new Error('away');

test.each<[string, StatusInputs, readonly string[]]>([
  [
    'all is well',
    inputs({ keys: report(keyOf({ kind: 'active' })) }),
    ['Accepted True Accepted', 'ResolvedRefs True ResolvedRefs', 'Enforced True Enforced', 'Ready True AllReady'],
  ],
  [
    'not allowed to bind its tier',
    { ...unproven, verdict: { kind: 'notAllowed' } },
    ['Accepted False NotAllowed', 'ResolvedRefs True ResolvedRefs', 'Ready False NotAllowed'],
  ],
  [
    'of a tier that is bound',
    { ...unproven, verdict: { kind: 'conflicted', winner: 'weir/old' } },
    ['Accepted False Conflicted', 'ResolvedRefs True ResolvedRefs', 'Ready False Conflicted'],
  ],
  [
    'not accepted, whatever the deciders say',
    inputs({ verdict: { kind: 'invalid', problem: 'x' } }),
    ['Accepted False Invalid', 'ResolvedRefs True ResolvedRefs', 'Ready False Invalid'],
  ],
  [
    'of a feed that is not there',
    inputs({ missingFeeds: ['majors'] }),
    ['Accepted True Accepted', 'ResolvedRefs False FeedNotFound', 'Enforced True Enforced', 'Ready False FeedNotFound'],
  ],
  [
    'in force without Postgres',
    inputs({ keys: { ...report(keyOf({ kind: 'pending' })), postgresFault: away() } }),
    [
      'Accepted True Accepted',
      'ResolvedRefs False PostgresUnavailable',
      'Enforced True Enforced',
      'Ready False PostgresUnavailable',
    ],
  ],
  [
    'unknown to be in force',
    inputs({ proof: { kind: 'unknown', reason: 'ValkeyUnreachable', problem: 'away' } }),
    [
      'Accepted True Accepted',
      'ResolvedRefs True ResolvedRefs',
      'Enforced Unknown ValkeyUnreachable',
      'Ready False ValkeyUnreachable',
    ],
  ],
])('a policy that is %s', (_name, given, conditions) => {
  expect(said(given)).toEqual(conditions);
  for (const { observedGeneration } of statusOf(given).conditions ?? []) expect(observedGeneration).toBe(1);
});

test.each<[KeyState, string, object]>([
  [{ kind: 'malformed', problem: 'is empty' }, 'SecretInvalid', { active: 0, expired: 0, invalid: 1 }],
  [{ kind: 'conflicted', owner: 'weir/other demo' }, 'KeyConflicted', { active: 0, expired: 0, invalid: 1 }],
  [{ kind: 'revoked' }, 'KeyRevoked', { active: 0, expired: 0, invalid: 1 }],
  [{ kind: 'unreachable', problem: 'forbidden' }, 'SecretRejected', { active: 0, expired: 0, invalid: 0 }],
  [{ kind: 'pending' }, 'SecretPending', { active: 0, expired: 0, invalid: 0 }],
  [{ kind: 'expired' }, 'ResolvedRefs', { active: 0, expired: 1, invalid: 0 }],
])('a key that is %j', (state, reason, counts) => {
  const status = statusOf(inputs({ keys: report(keyOf(state)) }));
  expect(status.conditions?.[1]?.reason).toBe(reason);
  expect(status.keys).toEqual(counts);
});

test('of several faults the weightiest gives the reason and all are named, up to five', () => {
  const faulty = (name: string, state: KeyState): KeyOutcome => keyOf(state, { name });
  const keys = report(
    ...['a', 'b', 'c', 'd'].map((name) => faulty(name, { kind: 'malformed', problem: 'is empty' })),
    faulty('e', { kind: 'revoked' }),
  );
  const refs = statusOf(inputs({ keys, missingFeeds: ['majors'] })).conditions?.[1];
  expect(refs?.reason).toBe('FeedNotFound');
  expect(refs?.message).toMatch(/PriceFeed majors.*Key e:.*Key a:.*There are 1 more faults\.$/);
});

test('while Postgres is away the counts of before stay', () => {
  const known: ApiKeyPolicy = { ...samplePolicy(), status: { keys: { active: 3, expired: 1, invalid: 0 } } };
  const status = statusOf(inputs({ policy: known, keys: { ...report(), postgresFault: away() } }));
  expect(status.keys).toEqual({ active: 3, expired: 1, invalid: 0 });
});

test('says of keys whose Secret is not ours that they are not rotated', () => {
  const keys = report(keyOf({ kind: 'active' }, { isNeverRotated: true }));
  expect(statusOf(inputs({ keys })).conditions?.[1]?.message).toContain('Key acme is not rotated');
});

test('the same again is the same, instants and all; what flips moves its own', () => {
  const first = statusOf(inputs());
  const policy: ApiKeyPolicy = { ...samplePolicy({ tier: 'pro' }), status: first };
  const later = new Date(NOW.getTime() + 60_000);
  const second = statusOf(inputs({ policy, now: later }));
  expect(isSameStatus(first, second)).toBe(true);
  const third = statusOf(inputs({ policy, now: later, missingFeeds: ['majors'] }));
  expect(isSameStatus(first, third)).toBe(false);
  expect(third.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
    '2026-01-02T00:00:00Z',
    '2026-01-02T00:01:00Z',
    '2026-01-02T00:00:00Z',
    '2026-01-02T00:01:00Z',
  ]);
});

test('the order in which the API server gives members makes no difference', () => {
  const status = statusOf(inputs());
  const turned = Object.fromEntries(
    Object.entries({ ...status, conditions: status.conditions?.map(turnedRound) }).toReversed(),
  );
  expect(JSON.stringify(turned)).not.toBe(JSON.stringify(status));
  expect(isSameStatus(turned, status)).toBe(true);
});

function turnedRound<T extends object>(object: T): T {
  // The same members, in another order.
  return Object.fromEntries(Object.entries(object).toReversed()) as T;
}

test('a policy that cannot be deleted yet says what it waits for, and not that it is in force', () => {
  const policy: ApiKeyPolicy = { ...samplePolicy({ tier: 'pro' }), status: statusOf(inputs()) };
  const { conditions } = statusOfCleanup(policy, 'Postgres does not answer.', NOW);
  expect(conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
    'Accepted True Accepted',
    'ResolvedRefs True ResolvedRefs',
    'Ready False CleanupPending',
  ]);
});
