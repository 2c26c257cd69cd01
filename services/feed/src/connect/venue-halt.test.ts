import type { StatusEvent } from '@weir/venues';
import { expect, test } from 'vitest';
import type { Halt } from './machine-state.ts';
import {
  applyStatus,
  isHalted,
  isInMaintenance,
  isMarketHalted,
  newlyHalted,
  nextDisconnection,
} from './venue-halt.ts';

const ONLINE: Halt = { message: undefined, symbols: new Set(), windows: [] };
const WANTED = new Map([
  ['BTC-USD', 1],
  ['ETH-USD', 1],
]);
const NOW_MS = Date.parse('2026-10-05T09:00:00Z');

function after(halt: Halt, status: Partial<StatusEvent>) {
  return applyStatus(halt, { kind: 'status', state: 'online', message: '', ...status }, WANTED);
}

test('a status that speaks of some markets leaves the others as they are', () => {
  const first = after(ONLINE, { haltedSymbols: ['ETH-USD'], toldSymbols: ['ETH-USD', 'BTC-USD'] });
  const other = after(first.halt, { haltedSymbols: [], toldSymbols: ['BTC-USD'] });
  expect([[...other.halt.symbols], other.notices]).toEqual([['ETH-USD'], []]);
  const resumed = after(other.halt, { haltedSymbols: [], toldSymbols: ['ETH-USD'] });
  expect(resumed.notices).toEqual([{ kind: 'market-resumed', symbol: 'ETH-USD' }]);
});

test('a halted venue halts every market until it says online', () => {
  const { halt } = after(ONLINE, { state: 'halted', message: 'system cancel_only' });
  expect(isHalted(halt, WANTED)).toBe(true);
  expect(isMarketHalted(halt, 'BTC-USD')).toBe(true);
  expect(isInMaintenance(halt, NOW_MS)).toBe(true);
  expect(isHalted(after(halt, {}).halt, WANTED)).toBe(false);
});

test('single markets are told when they halt and when they resume, and only if they are wanted', () => {
  const first = after(ONLINE, { haltedSymbols: ['ETH-USD', 'OLD-USD'] });
  expect(first.notices).toEqual([{ kind: 'market-halted', symbol: 'ETH-USD' }]);
  expect(isMarketHalted(first.halt, 'ETH-USD')).toBe(true);
  expect(isMarketHalted(first.halt, 'BTC-USD')).toBe(false);
  expect(isHalted(first.halt, WANTED)).toBe(false);
  expect(after(first.halt, { haltedSymbols: ['ETH-USD'] }).notices).toEqual([]);
  const all = after(first.halt, { haltedSymbols: ['ETH-USD', 'BTC-USD'] });
  expect(isHalted(all.halt, WANTED)).toBe(true);
  expect(after(all.halt, { haltedSymbols: ['BTC-USD'] }).notices).toEqual([
    { kind: 'market-resumed', symbol: 'ETH-USD' },
  ]);
  expect(isHalted(ONLINE, new Map())).toBe(false);
});

test('a market is newly halted once, by itself or with the whole venue', () => {
  const one = after(ONLINE, { haltedSymbols: ['ETH-USD'] }).halt;
  const all = after(one, { state: 'halted', message: 'system cancel_only' }).halt;
  expect(newlyHalted(ONLINE, one, WANTED)).toEqual(['ETH-USD']);
  expect(newlyHalted(one, all, WANTED)).toEqual(['BTC-USD']);
  expect(newlyHalted(all, one, WANTED)).toEqual([]);
  expect(newlyHalted(all, all, WANTED)).toEqual([]);
});

test('announced work is told once, and its time counts as maintenance', () => {
  const window = {
    title: 'Work',
    startsAt: '2026-10-05T09:00:00Z',
    endsAt: '2026-10-05T10:00:00Z',
    isEmergency: false,
  };
  const { halt, notices } = after(ONLINE, { maintenance: [window] });
  expect(notices).toEqual([
    { kind: 'maintenance-announced', title: 'Work', startMs: NOW_MS, endMs: NOW_MS + 3_600_000 },
  ]);
  expect(after(halt, { maintenance: [window] }).notices).toEqual([]);
  // A status that does not speak of maintenance takes nothing back.
  expect(after(halt, {}).halt.windows).toHaveLength(1);
  expect(after(halt, { maintenance: [] }).halt.windows).toHaveLength(0);
  expect([-1, 0, 3_599_999, 3_600_000].map((ms) => isInMaintenance(halt, NOW_MS + ms))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('work without dates is told but is no time', () => {
  const { halt, notices } = after(ONLINE, { maintenance: [{ title: 'Emergency', isEmergency: true }] });
  expect(notices).toEqual([{ kind: 'maintenance-announced', title: 'Emergency' }]);
  expect(isInMaintenance(halt, NOW_MS)).toBe(false);
});

test('announced work without an end is believed for an hour, by its drops and by the connections that it ends', () => {
  const window = {
    title: 'Work',
    startsAt: '2026-10-05T09:00:00Z',
    isEmergency: false,
    endsConnections: true,
  } as const;
  const { halt } = after(ONLINE, { maintenance: [window] });
  const at = [-1, 0, 3_599_999, 3_600_000].map((ms) => NOW_MS + ms);
  expect(at.map((wallMs) => isInMaintenance(halt, wallMs))).toEqual([false, true, true, false]);
  expect(at.map((wallMs) => nextDisconnection(halt, NOW_MS - 1, wallMs)?.title)).toEqual([
    'Work',
    'Work',
    'Work',
    undefined,
  ]);
});

test('pieces of work are told of one by one: the end of one leaves another as it is', () => {
  const window = { title: 'Work', startsAt: '2026-10-05T09:00:00Z', isEmergency: false };
  const trading = after(ONLINE, { state: 'halted', message: 'Trading', work: '1', maintenance: [window] }).halt;
  const both = after(trading, { work: '2', maintenance: [{ ...window, title: 'Sockets' }] });
  expect(both.halt.message).toBe('Trading');
  expect(both.halt.windows.map(({ title }) => title)).toEqual(['Work', 'Sockets']);
  expect(both.notices).toMatchObject([{ kind: 'maintenance-announced', title: 'Sockets' }]);
  const one = after(both.halt, { work: '2', maintenance: [] }).halt;
  expect([one.message, one.windows.length]).toEqual(['Trading', 1]);
  const none = after(one, { work: '1', maintenance: [] }).halt;
  expect([none.message, none.windows.length, none.works?.size]).toEqual([undefined, 0, 0]);
});

test('a venue that announces without end is not remembered without end', () => {
  let halt = ONLINE;
  for (let n = 0; n < 200; n++)
    halt = after(halt, { work: `${n}`, maintenance: [{ title: `${n}`, isEmergency: false }] }).halt;
  expect(halt.windows).toHaveLength(50);
  expect(halt.windows.at(-1)?.title).toBe('199');
});
