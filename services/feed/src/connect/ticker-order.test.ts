import { parseDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { compareTickers, venueTimeOf, type TickerMark } from './ticker-order.ts';

const WALL_MS = Date.parse('2026-11-20T10:00:00Z');
const mark = (more: Partial<TickerMark> = {}): TickerMark => ({
  price: parseDecimal('1') ?? 0n,
  sequence: undefined,
  venueTimeUs: undefined,
  connection: 1,
  ...more,
});
const timeOf = (tradeTime: string): number | undefined =>
  venueTimeOf({ kind: 'ticker', symbol: 'A', asset: 'A', quote: 'USD', price: '1', tradeTime }, WALL_MS);

test.each([
  ['a later time', { venueTimeUs: 1 }, { venueTimeUs: 2 }, 'newer'],
  ['an earlier time', { venueTimeUs: 2_000 }, { venueTimeUs: 1_000 }, 'older'],
  ['a time that jitters on one connection', { venueTimeUs: 2_002 }, { venueTimeUs: 2_001 }, 'newer'],
  ['a time as little earlier on another', { venueTimeUs: 2 }, { venueTimeUs: 1, connection: 2 }, 'older'],
  ['one time and price on another', { venueTimeUs: 1 }, { venueTimeUs: 1, connection: 2 }, 'same'],
  ['one time, another price', { venueTimeUs: 1 }, { venueTimeUs: 1, price: 2n, connection: 2 }, 'unknown'],
  ['no time', {}, {}, 'unknown'],
  ['a time on one side', { venueTimeUs: 1 }, {}, 'unknown'],
  ['a later sequence, whatever the time', { sequence: 1, venueTimeUs: 2 }, { sequence: 2, venueTimeUs: 1 }, 'newer'],
  ['one sequence', { sequence: 2, venueTimeUs: 1 }, { sequence: 2, venueTimeUs: 1 }, 'same'],
  ['an earlier sequence', { sequence: 2, venueTimeUs: 1 }, { sequence: 1, venueTimeUs: 1 }, 'older'],
  ['a sequence that begins anew', { sequence: 2, venueTimeUs: 1 }, { sequence: 1, venueTimeUs: 2 }, 'newer'],
] as const)('%s', (_name, known, next, order) => {
  expect(compareTickers(mark(known), mark(next))).toBe(order);
});

test('times are told apart to the microsecond, with as many digits as the venue gives', () => {
  const base = Date.parse('2026-11-20T09:59:59Z') * 1_000;
  expect(timeOf('2026-11-20T09:59:59.794283Z')).toBe(base + 794_283);
  expect(timeOf('2026-11-20T09:59:59.794283999Z')).toBe(base + 794_283);
  expect(timeOf('2026-11-20T09:59:59.7942Z')).toBe(base + 794_200);
  expect(timeOf('2026-11-20T09:59:59Z')).toBe(base);
});

test('a time far ahead of ours, and one that is none, is no time', () => {
  expect(timeOf('2026-11-20T10:00:01.900000Z')).toBeDefined();
  expect(timeOf('2026-11-20T10:00:03Z')).toBeUndefined();
  expect(timeOf('soon')).toBeUndefined();
});
