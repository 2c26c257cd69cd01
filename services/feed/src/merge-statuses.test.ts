import { expect, test } from 'vitest';
import {
  describeDoubts,
  describeStandIn,
  describeUnconverted,
  describeUnlisted,
  mergeStatuses,
  type SourceWords,
} from './merge-statuses.ts';

const live: SourceWords = { state: 'ok', reason: 'Live', message: '', quarantined: [], quarantinedCount: 0 };
const lost: SourceWords = { ...live, state: 'down', reason: 'ConnectionLost', message: 'closed' };
const refused = { asset: 'ETH', symbol: 'ETH-USD', reason: 'no' };

test('one connection speaks for itself', () => {
  expect(mergeStatuses([live], [])).toEqual(live);
  expect(mergeStatuses([lost], [])).toEqual(lost);
});

test('a source is as good as its worst connection, and says of how many', () => {
  expect(mergeStatuses([live, lost, live], [])).toMatchObject({
    state: 'down',
    reason: 'ConnectionLost',
    message: '1 of 3 connections: closed',
  });
  expect(mergeStatuses([live, { ...live, state: 'halted', reason: 'VenueMaintenance' }], [])).toMatchObject({
    state: 'halted',
    message: '1 of 2 connections: VenueMaintenance',
  });
});

test('symbols that are refused and markets that are missing are named together, a hundred at most', () => {
  const missing = Array.from({ length: 150 }, (_, index) => ({
    asset: `A${index}`,
    symbol: '',
    reason: 'not listed',
    isFollowed: index >= 149,
  }));
  const merged = mergeStatuses([{ ...live, quarantined: [refused], quarantinedCount: 1 }], missing);
  const message = '149 assets are not followed; 1 of the followed is not as expected';
  expect(merged).toMatchObject({ state: 'ok', reason: 'MarketsMissing', message, quarantinedCount: 151 });
  expect(merged.quarantined.at(-1)).toEqual({ asset: 'A98', symbol: '', reason: 'not listed' });
  expect(merged.quarantined).toHaveLength(100);
  expect(merged.quarantined[0]).toEqual(refused);
});

test('a source without any market, or without a list, says which', () => {
  expect(mergeStatuses([], [{ ...refused, isFollowed: false }])).toMatchObject({
    state: 'down',
    reason: 'NoSymbols',
    quarantinedCount: 1,
  });
  expect(describeUnlisted(false)).toMatchObject({ state: 'connecting', reason: 'NoInstruments' });
  expect(describeUnlisted(true)).toMatchObject({ state: 'down', reason: 'NoInstruments' });
});

test('where REST is in the place of the socket, the message says so', () => {
  expect(describeStandIn(lost).message).toBe('closed; prices come by REST');
  expect(describeStandIn({ ...lost, message: '' }).message).toBe('prices come by REST');
});

test('a source that is live and cannot be converted says so, one that is not live says that', () => {
  expect(describeUnconverted(live)).toMatchObject({ state: 'ok', reason: 'NoUsdtRate' });
  expect(describeUnconverted(lost)).toBe(lost);
});

test('where REST has refuted sockets it says so, unless there is worse to tell', () => {
  expect(describeDoubts(live, 0)).toBe(live);
  const message = 'REST contradicts the socket in 1 market, and is believed';
  expect(describeDoubts(live, 1)).toEqual({ ...live, reason: 'Contradicted', message });
  const missing = { ...live, reason: 'MarketsMissing', message: '1 asset is not followed' };
  expect(describeDoubts(missing, 3).message).toMatch(/^1 asset is not followed; REST contradicts .* in 3 markets/);
  expect(describeDoubts(lost, 3)).toBe(lost);
});
