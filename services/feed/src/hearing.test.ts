import { expect, test } from 'vitest';
import { SourceHearing } from './hearing.ts';

const RULES = { freshMs: 5, staleMs: 15, deadMs: 60 };

test('hears while something was confirmed within fresh, is deaf after stale, and unsure between', () => {
  const hearing = new SourceHearing(0);
  hearing.note(100);
  expect([100, 105, 106, 115, 116].map((nowMs) => hearing.at(nowMs, RULES))).toEqual([
    'hears',
    'hears',
    'unsure',
    'unsure',
    'deaf',
  ]);
});

test('who has just begun is unsure, not deaf; an old confirmation takes nothing back', () => {
  const hearing = new SourceHearing(1_000);
  expect([1_000, 1_015, 1_016].map((nowMs) => hearing.at(nowMs, RULES))).toEqual(['unsure', 'unsure', 'deaf']);
  hearing.note(1_020);
  hearing.note(900);
  expect(hearing.at(1_020, RULES)).toBe('hears');
});
