import { expect, test } from 'vitest';
import { compareMarks, venueTimeUsOf, type Mark } from './ticker-order.ts';

const mark = (more: Partial<Mark> = {}): Mark => ({
  content: '1',
  sequence: undefined,
  venueTimeUs: undefined,
  arrivedMs: 0,
  connection: 1,
  ...more,
});

test.each([
  ['a later time', { venueTimeUs: 1 }, { venueTimeUs: 2 }, 'newer'],
  ['an earlier time', { venueTimeUs: 2_000 }, { venueTimeUs: 1_000 }, 'older'],
  ['a time that jitters on one connection', { venueTimeUs: 2_002 }, { venueTimeUs: 2_001 }, 'newer'],
  ['a time as little earlier on another', { venueTimeUs: 2 }, { venueTimeUs: 1, connection: 2 }, 'older'],
  ['one time and content on another', { venueTimeUs: 1 }, { venueTimeUs: 1, connection: 2 }, 'same'],
  ['one time, another content', { venueTimeUs: 1 }, { venueTimeUs: 1, content: '2', connection: 2 }, 'unknown'],
  ['no time', {}, {}, 'unknown'],
  ['a time on one side', { venueTimeUs: 1 }, {}, 'unknown'],
  ['a later sequence, whatever the time', { sequence: 1, venueTimeUs: 2 }, { sequence: 2, venueTimeUs: 1 }, 'newer'],
  ['one sequence', { sequence: 2, venueTimeUs: 1 }, { sequence: 2, venueTimeUs: 1 }, 'same'],
  ['an earlier sequence', { sequence: 2, venueTimeUs: 1 }, { sequence: 1, venueTimeUs: 1 }, 'older'],
  ['a sequence that begins anew', { sequence: 2, venueTimeUs: 1 }, { sequence: 1, venueTimeUs: 2 }, 'newer'],
] as const)('%s', (_name, known, next, order) => {
  expect(compareMarks(mark(known), mark(next))).toBe(order);
});

test('times are told apart to the microsecond, with as many digits as the venue gives', () => {
  const base = Date.parse('2026-11-20T09:59:59Z') * 1_000;
  expect(venueTimeUsOf('2026-11-20T09:59:59.794283Z')).toBe(base + 794_283);
  expect(venueTimeUsOf('2026-11-20T09:59:59.794283999Z')).toBe(base + 794_283);
  expect(venueTimeUsOf('2026-11-20T09:59:59.7942Z')).toBe(base + 794_200);
  expect(venueTimeUsOf('2026-11-20T09:59:59Z')).toBe(base);
});

test('what is no time is none', () => {
  expect(venueTimeUsOf('soon')).toBeUndefined();
});
