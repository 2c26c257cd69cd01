import { expect, test } from 'vitest';
import { describeDenial, limitHeader } from './limit-headers.ts';
import type { Access } from './policy-directory.ts';

const access: Pick<Access, 'decide'> = {
  decide: {
    keyId: 'k1',
    bucket: { ratePerSecond: 10, burst: 20 },
    cost: 1,
    onValkeyFailure: 'LocalLimit',
    dryRun: false,
  },
};

const admitted = (remaining: number, resetMs: number) =>
  ({ admitted: true, limit: undefined, remaining, resetMs, basis: 'lease' }) as const;
const denied = (retryAfterMs: number, basis: 'valkey' | 'fallback' = 'valkey') =>
  ({ admitted: false, limit: 'bucket', remaining: 3, retryAfterMs, basis }) as const;

test('seconds are rounded up: whoever waits so long finds what was promised', () => {
  expect(limitHeader(admitted(19, 100))).toBe('"bucket";r=19;t=1');
  expect(limitHeader(admitted(0, 2_000))).toBe('"bucket";r=0;t=2');
  expect(limitHeader(admitted(0, 2_001))).toBe('"bucket";r=0;t=3');
  expect(limitHeader(admitted(20, 0))).toBe('"bucket";r=20;t=1');
});

test('a denial has one instant in all its forms', () => {
  const nowMs = Date.UTC(2026, 10, 20, 12);
  const { problem, retryAfterSeconds } = describeDenial(access, denied(2_400), nowMs);
  expect(retryAfterSeconds).toBe(3);
  expect(limitHeader(denied(2_400))).toBe('"bucket";r=3;t=3');
  expect(problem).toMatchObject({
    code: 'RATE_LIMITED',
    extensions: {
      'violated-policies': ['bucket'],
      limit: 'bucket',
      quota: 20,
      window_seconds: 2,
      used: 17,
      held: 0,
      remaining: 3,
      reset: '2026-11-20T12:00:03.000Z',
      retry_after_seconds: 3,
    },
  });
});

test('a refusal by the local share tells no level of the bucket', () => {
  expect(limitHeader(denied(500, 'fallback'))).toBe('"bucket";r=0;t=1');
  expect(describeDenial(access, denied(500, 'fallback'), 0).problem.extensions).toMatchObject({
    used: 20,
    remaining: 0,
  });
});

test('a denial without Valkey is the lack of capacity that it is', () => {
  const unavailable = {
    admitted: false,
    limit: 'unavailable',
    remaining: 0,
    retryAfterMs: 1_000,
    basis: 'fallback',
  } as const;
  expect(describeDenial(access, unavailable, 0)).toEqual({
    retryAfterSeconds: 1,
    problem: {
      code: 'LIMITER_UNAVAILABLE',
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      extensions: { 'violated-policies': [], retry_after_seconds: 1 },
    },
  });
});
