import { WeirError } from '@weir/errors';
import { expect, test } from 'vitest';
import { sampleFeed, type SampleFeed } from '../../test/price-feed/sample-feed.ts';
import type { FeedReport } from './feed-report.ts';
import type { Deployment } from './pod-faults.ts';
import type { PriceFeed } from './price-feed.ts';
import { statusOf, type StatusInputs } from './status.ts';
import { transitionsOf } from './tell-transitions.ts';

const NOW = new Date('2026-01-01T12:00:00.123Z');

const REPORT: FeedReport = {
  freshness: 'fresh',
  active: 'majors-feed-1',
  total: 2,
  fresh: 2,
  sources: [{ name: 'kraken', state: 'ok', reason: 'Live' }],
};

const deployment = (status: Deployment['status'] = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'majors-feed', namespace: 'weir', generation: 3 },
  status: {
    observedGeneration: 3,
    replicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    updatedReplicas: 2,
    conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
    ...status,
  },
});
const PROGRESSING = [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }];
const STUCK = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
const UNREACHABLE = new WeirError('VALKEY_UNAVAILABLE');

const inputs = (changes: Partial<StatusInputs> = {}, sample: SampleFeed = {}): StatusInputs => ({
  feed: sampleFeed(sample),
  verdict: { kind: 'published', json: '{}', owned: 2, lost: new Map() },
  quotaConflicts: [],
  trustedNamespaces: ['weir'],
  deployment: deployment(),
  childFault: undefined,
  podFault: undefined,
  outcome: { kind: 'published', seq: 7 },
  report: REPORT,
  hasApplied: true,
  now: NOW,
  ...changes,
});

/** `Ready=True/AllReady` and so on: those that are not as in a feed that is well. */
function summary(given: StatusInputs): readonly string[] {
  const well = new Set(wordsOf(inputs()));
  return wordsOf(given).filter((word) => !well.has(word));
}
const wordsOf = (given: StatusInputs): readonly string[] =>
  (statusOf(given).conditions ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`);

test('a feed that is well says so in every condition', () => {
  expect(statusOf(inputs())).toMatchObject({
    observedGeneration: 1,
    replicas: 2,
    readyReplicas: 2,
    selector: 'app.kubernetes.io/component=feed,app.kubernetes.io/instance=majors,app.kubernetes.io/name=weir-feed',
    active: 'majors-feed-1',
    assets: { total: 2, fresh: 2 },
    sources: [{ name: 'kraken', state: 'ok', reason: 'Live', lastTransitionTime: '2026-01-01T12:00:00Z' }],
  });
  expect(wordsOf(inputs())).toEqual([
    'Ready=True/AllReady',
    'Reconciling=False/UpToDate',
    'Stalled=False/NotStalled',
    'WorkloadAvailable=True/WorkloadAvailable',
    'ValkeyConfigured=True/DocumentPublished',
    'DataFresh=True/PricesFresh',
    'Suspended=False/NotSuspended',
    'Conflicted=False/NoConflict',
    'QuotaConflict=False/NoQuotaConflict',
  ]);
});

const none = deployment({ availableReplicas: 0, readyReplicas: 0 });
const stuck = deployment({ availableReplicas: 0, conditions: STUCK });
const lost = new Map([['weir/old', ['BTC']]]);

const quotaConflict = {
  exchange: 'kraken',
  own: { points: 100, durationMs: 60_000, window: 'Fixed' },
  lowest: { points: 60, durationMs: 60_000, window: 'Smooth' },
  holder: 'weir/old',
} as const;

/** What is said of a feed in each case; what is as in a feed that is well is left out. */
const CASES: readonly [what: string, given: StatusInputs, expected: readonly string[]][] = [
  [
    'just created',
    inputs({ deployment: deployment({ availableReplicas: 0, conditions: PROGRESSING }), report: undefined }),
    [
      'Ready=False/RolloutInProgress',
      'Reconciling=True/RolloutInProgress',
      'WorkloadAvailable=False/RolloutInProgress',
      'DataFresh=Unknown/AwaitingPrices',
    ],
  ],
  [
    'with pods and no price yet',
    inputs({ report: { ...REPORT, freshness: 'awaiting' } }),
    ['Ready=False/AwaitingPrices', 'Reconciling=True/AwaitingPrices', 'DataFresh=Unknown/AwaitingPrices'],
  ],
  [
    'in a rolling update',
    inputs({ deployment: deployment({ conditions: PROGRESSING }) }),
    ['Ready=False/RolloutInProgress', 'Reconciling=True/RolloutInProgress'],
  ],
  [
    'with a Deployment that its controller has not seen yet',
    inputs({ deployment: deployment({ observedGeneration: 2 }) }),
    ['Ready=False/RolloutInProgress', 'Reconciling=True/RolloutInProgress'],
  ],
  [
    'short of a standby',
    inputs({ deployment: deployment({ availableReplicas: 1 }) }),
    ['Reconciling=True/RolloutInProgress'],
  ],
  [
    'whose active pod does not go by the document yet',
    inputs({ hasApplied: false }),
    ['Ready=False/RolloutInProgress', 'Reconciling=True/RolloutInProgress'],
  ],
  [
    'whose image cannot be fetched',
    inputs({ deployment: none, podFault: { reason: 'ImagePullError', message: 'no image' } }),
    ['Ready=False/ImagePullError', 'Stalled=True/ImagePullError', 'WorkloadAvailable=False/ImagePullError'],
  ],
  [
    'whose new image cannot be fetched while the old pods go on',
    inputs({
      deployment: deployment({ conditions: PROGRESSING }),
      podFault: { reason: 'ImagePullError', message: 'no image' },
    }),
    ['Ready=False/ImagePullError', 'Stalled=True/ImagePullError'],
  ],
  [
    'whose standby crashes while the active pod is well',
    inputs({
      deployment: deployment({ availableReplicas: 1 }),
      podFault: { reason: 'CrashLoop', message: 'crashes' },
    }),
    ['Reconciling=True/RolloutInProgress'],
  ],
  [
    'whose pods did not come up in time, for no known reason',
    inputs({ deployment: stuck }),
    ['Ready=False/RolloutStuck', 'Stalled=True/RolloutStuck', 'WorkloadAvailable=False/RolloutInProgress'],
  ],
  [
    'whose child the API server turned down',
    inputs({ childFault: { reason: 'ApplyRejected', message: 'invalid' } }),
    ['Ready=False/ApplyRejected', 'Stalled=True/ApplyRejected'],
  ],
  [
    'whose document cannot be published',
    inputs({ outcome: { kind: 'failed', error: UNREACHABLE } }),
    [
      'Ready=False/ValkeyUnreachable',
      'Reconciling=True/ValkeyUnreachable',
      'ValkeyConfigured=False/ValkeyUnreachable',
      'DataFresh=Unknown/ValkeyUnreachable',
    ],
  ],
  [
    'whose operator is turned down by Valkey',
    inputs({ outcome: { kind: 'failed', error: new WeirError('VALKEY_REFUSED', { detail: 'NOPERM' }) } }),
    [
      'Ready=False/ValkeyAuthFailed',
      'Stalled=True/ValkeyAuthFailed',
      'ValkeyConfigured=False/ValkeyAuthFailed',
      'DataFresh=Unknown/ValkeyAuthFailed',
    ],
  ],
  ['whose prices are aging', inputs({ report: { ...REPORT, freshness: 'aging' } }), bad('PricesAging')],
  ['without a fresh price', inputs({ report: { ...REPORT, freshness: 'none' } }), bad('SourceUnavailable')],
  ['of which nobody reports', inputs({ report: { ...REPORT, freshness: 'silent' } }), bad('NoReport')],
  [
    'that is suspended',
    inputs({ report: undefined }, { spec: { suspend: true } }),
    [...idle('Suspended'), 'Suspended=True/Suspended'],
  ],
  ['that is scaled to nothing', inputs({ report: undefined }, { spec: { replicas: 0 } }), idle('ScaledToZero')],
  [
    'that lost a pair',
    inputs({ verdict: { kind: 'published', json: '{}', owned: 1, lost } }),
    ['Conflicted=True/PartlyConflicted'],
  ],
  [
    'that lost every pair',
    inputs({ verdict: { kind: 'conflicted', lost }, outcome: { kind: 'absent' } }),
    [
      'Ready=False/Conflicted',
      'Stalled=True/Conflicted',
      'WorkloadAvailable=False/Conflicted',
      'ValkeyConfigured=False/Conflicted',
      'DataFresh=False/Conflicted',
      'Conflicted=True/Conflicted',
    ],
  ],
  [
    'whose exchange has another quota in another feed',
    inputs({ quotaConflicts: [quotaConflict] }),
    ['QuotaConflict=True/DifferentQuotas'],
  ],
  [
    'in a namespace that may not publish',
    inputs({ verdict: { kind: 'untrusted' }, deployment: undefined, outcome: { kind: 'absent' } }),
    [
      'Ready=False/NotAllowed',
      'Stalled=True/NotAllowed',
      'WorkloadAvailable=False/NotAllowed',
      'ValkeyConfigured=False/NotAllowed',
      'DataFresh=False/NotAllowed',
    ],
  ],
  [
    'with a fault in its spec',
    inputs({ verdict: { kind: 'invalid', faults: ['a is b; fix it'], owned: 2, lost: new Map() } }),
    [
      'Ready=False/InvalidSpec',
      'Stalled=True/InvalidSpec',
      'ValkeyConfigured=False/InvalidSpec',
      'DataFresh=Unknown/InvalidSpec',
    ],
  ],
];

function bad(reason: string): readonly string[] {
  return [`Ready=False/${reason}`, `DataFresh=False/${reason}`];
}

function idle(reason: string): readonly string[] {
  return [`Ready=False/${reason}`, `WorkloadAvailable=False/${reason}`, `DataFresh=False/${reason}`];
}

test.each(CASES)('a feed %s', (_what, given, expected) => {
  expect(summary(given)).toEqual(expected);
});

test.each(CASES)('a feed %s has one generation in every condition and waits, stalls or neither', (_what, given) => {
  const { conditions = [] } = statusOf(given);
  expect(new Set(conditions.map(({ observedGeneration }) => observedGeneration))).toEqual(new Set([1]));
  const isTrue = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
  expect(isTrue('Reconciling') && isTrue('Stalled')).toBe(false);
  expect(isTrue('Ready') && isTrue('Stalled')).toBe(false);
});

/** As the object comes back with the status that was written. */
const withStatus = (given: StatusInputs): PriceFeed => ({ ...given.feed, status: statusOf(given) });
const LATER = new Date('2026-01-01T13:00:00Z');

test('what has not changed is the same status an hour later', () => {
  const again = inputs({ feed: withStatus(inputs()), now: LATER });
  expect(statusOf(again)).toEqual(statusOf(inputs()));
});

test('instants move with the state alone, not with its reason or its words', () => {
  const feed = withStatus(inputs());
  const slower: FeedReport = { ...REPORT, sources: [{ name: 'kraken', state: 'ok', reason: 'MarketsHalted' }] };
  expect(statusOf(inputs({ feed, report: slower, now: LATER })).sources).toEqual([
    { name: 'kraken', state: 'ok', reason: 'MarketsHalted', lastTransitionTime: '2026-01-01T12:00:00Z' },
  ]);
  const down: FeedReport = { ...REPORT, sources: [{ name: 'kraken', state: 'down', reason: 'ConnectFailed' }] };
  expect(statusOf(inputs({ feed, report: down, now: LATER })).sources?.[0]?.lastTransitionTime).toBe(
    '2026-01-01T13:00:00Z',
  );
});

test('an outage of seconds changes nothing of a document that was there; a new one is told at once', () => {
  const outcome = { kind: 'pending', error: UNREACHABLE } as const;
  expect(summary(inputs({ feed: withStatus(inputs()), outcome }))).toEqual([]);
  expect(summary(inputs({ outcome }))).toContain('ValkeyConfigured=False/ValkeyUnreachable');
});

test('an operator that has heard nothing yet repeats what the one before it has found out', () => {
  const feed = withStatus(inputs({ report: { ...REPORT, freshness: 'silent', active: undefined, fresh: 0 } }));
  const awaiting: FeedReport = { freshness: 'awaiting', active: undefined, total: 0, fresh: 0, sources: [] };
  const { conditions } = statusOf(inputs({ feed, report: awaiting, now: LATER }));
  expect(conditions).toEqual(feed.status?.conditions);
});

test('who lost which pairs to whom is named, the first five of many', () => {
  const many = new Map([['weir/old', ['A', 'B', 'C', 'D', 'E', 'F', 'G']]]);
  const given = inputs({ verdict: { kind: 'published', json: '{}', owned: 2, lost: many } });
  expect(statusOf(given).conditions?.find(({ type }) => type === 'Conflicted')?.message).toBe(
    'A pair belongs to the oldest feed that names it: A, B, C, D, E and 2 more in USD to PriceFeed weir/old.',
  );
});

test('whose quota holds is named', () => {
  const { conditions } = statusOf(inputs({ quotaConflicts: [quotaConflict] }));
  expect(conditions?.find(({ type }) => type === 'QuotaConflict')?.message).toBe(
    'An exchange has one quota for all feeds, the lowest that one of them names; ' +
      'kraken: 60 in 60s (Smooth) of PriceFeed weir/old holds, here 100 in 60s (Fixed).',
  );
});

test('sources that the spec no longer has are left out', () => {
  const report: FeedReport = { ...REPORT, sources: [{ name: 'gone', state: 'ok', reason: 'Live' }] };
  expect(statusOf(inputs({ report })).sources).toBeUndefined();
});

test('events tell that a feed became ready, ceased to be, stalled, lost pairs or differs in a quota, and nothing else', () => {
  const reasonsOf = (feed: PriceFeed, given: StatusInputs) =>
    transitionsOf(feed, statusOf({ ...given, feed })).map(({ type, reason }) => `${type} ${reason}`);
  const well = withStatus(inputs());
  const starting = inputs({ deployment: none, report: undefined });
  expect(reasonsOf(sampleFeed(), starting)).toEqual([]);
  expect(reasonsOf(withStatus(starting), inputs())).toEqual(['Normal AllReady']);
  expect(reasonsOf(well, inputs({ now: LATER }))).toEqual([]);
  expect(reasonsOf(well, inputs({ childFault: { reason: 'NameTaken', message: 'taken' } }))).toEqual([
    'Warning NameTaken',
    'Warning NameTaken',
  ]);
  expect(reasonsOf(well, inputs({ quotaConflicts: [quotaConflict] }))).toEqual(['Warning DifferentQuotas']);
  expect(reasonsOf(well, inputs({ verdict: { kind: 'published', json: '', owned: 1, lost } }))).toEqual([
    'Warning PartlyConflicted',
  ]);
});
