import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

test('Retry-After comes in seconds or as a date', () => {
  const nowMs = Date.parse('2026-11-20T10:00:00Z');
  expect(parseRetryAfter('120', nowMs)).toBe(120_000);
  expect(parseRetryAfter('Fri, 20 Nov 2026 10:00:30 GMT', nowMs)).toBe(30_000);
  expect(parseRetryAfter('Fri, 20 Nov 2026 09:00:00 GMT', nowMs)).toBe(0);
  expect(parseRetryAfter('soon', nowMs)).toBeUndefined();
  expect(parseRetryAfter('', nowMs)).toBeUndefined();
});
