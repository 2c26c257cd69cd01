import type { FeedSourceStatus, FeedStatus } from '@weir/wire';
import { expect, test } from 'vitest';
import { observeReport, type FeedReport, type Observation } from './feed-report.ts';

const source = (state: FeedSourceStatus['state'], reason: string): FeedSourceStatus => ({
  name: 'kraken',
  exchange: 'kraken',
  state,
  reason,
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  quarantined: [],
  quarantinedCount: 0,
});
const live = source('ok', 'Live');

interface Said {
  readonly fresh?: number;
  readonly total?: number;
  readonly active?: string;
  readonly sources?: readonly FeedSourceStatus[];
}

/** Observes what is said every 3 s, `undefined` for silence; each answer is what the status shows then. */
function observeAll(said: readonly (Said | undefined)[]): readonly FeedReport[] {
  let observation: Observation | undefined;
  return said.map((each, index) => {
    const status: FeedStatus | undefined = each && {
      feed: 'weir/majors',
      active: each.active ?? 'pod-1',
      lease: 'lease',
      appliedSeq: 1,
      assets: { total: each.total ?? 100, fresh: each.fresh ?? 100 },
      sources: each.sources ?? [live],
      updatedAt: `report ${index}`,
    };
    observation = observeReport(observation, status, index * 3_000);
    return observation.shown;
  });
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const freshnessOf = (said: readonly (Said | undefined)[]) => observeAll(said).map(({ freshness }) => freshness);

test('prices are fresh with the first report that says so', () => {
  expect(freshnessOf([undefined, { fresh: 100 }])).toEqual(['awaiting', 'fresh']);
});

test('an asset that ages, and one in a hundred that always does, changes nothing that is shown', () => {
  const shown = observeAll([{}, { fresh: 60 }, {}, { fresh: 99 }, ...times(5, { fresh: 99 })]);
  expect(new Set(shown).size).toBe(1);
});

test('too few fresh assets for 30 s are aging, and no earlier', () => {
  const said = [{}, ...times(12, { fresh: 98 })];
  expect(freshnessOf(said)).toEqual([...times(11, 'fresh'), ...times(2, 'aging')]);
});

test('no fresh asset for 5 s is told at once; two good reports in a row lead back', () => {
  const said = [{}, ...times(3, { fresh: 0 }), {}, { fresh: 0 }, {}, {}];
  expect(freshnessOf(said)).toEqual(['fresh', 'fresh', 'fresh', 'none', 'none', 'none', 'none', 'fresh']);
});

test('10 s without a report are silence: nobody is active and nothing is known to be fresh', () => {
  const shown = observeAll([{}, ...times(4, undefined)]);
  expect(shown.map(({ freshness }) => freshness)).toEqual([...times(4, 'fresh'), 'silent']);
  expect(shown.at(-1)).toMatchObject({ active: undefined, fresh: 0, total: 100 });
});

test('pods have a minute for their first report, which counts at once also after that', () => {
  expect(freshnessOf([...times(21, undefined), {}])).toEqual([...times(20, 'awaiting'), 'silent', 'fresh']);
});

test('the time in which Valkey could not be read is no silence', () => {
  const first = observeReport(undefined, undefined, 0);
  expect(observeReport(first, undefined, 60_000).shown.freshness).toBe('awaiting');
  expect(observeReport(observeReport(first, undefined, 60_000), undefined, 63_000).shown.freshness).toBe('awaiting');
});

test('a count is shown once it has stayed for a minute, not when it wavers', () => {
  const wavering = observeAll([{}, ...times(20, [{ fresh: 99 }, { fresh: 100 }]).flat()]);
  expect(new Set(wavering.map(({ fresh }) => fresh))).toEqual(new Set([100]));
  const settled = observeAll([{}, ...times(25, { fresh: 99 })]).map(({ fresh }) => fresh);
  expect(settled.indexOf(99)).toBe(21);
});

test('another total and another active pod are shown at once', () => {
  const shown = observeAll([{}, { total: 101, fresh: 101 }, { total: 101, fresh: 101, active: 'pod-2' }]);
  expect(shown.map(({ total, active }) => [total, active])).toEqual([
    [100, 'pod-1'],
    [101, 'pod-1'],
    [101, 'pod-2'],
  ]);
});

test('a source that was away between two readings has not been away', () => {
  const away = { sources: [source('down', 'ConnectFailed')] };
  const statesOf = (said: readonly Said[]) => observeAll(said).map(({ sources }) => sources[0]?.state);
  expect(statesOf([{}, away, {}, away, {}])).toEqual(times(5, 'ok'));
  expect(statesOf([{}, away, away])).toEqual(['ok', 'ok', 'down']);
});
