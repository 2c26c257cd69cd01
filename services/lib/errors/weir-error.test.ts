import { describe, expect, it } from 'vitest';
import { errorCatalogue, isWeirError, WeirError, type ErrorCode } from './index.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('errorCatalogue', () => {
  it.each(codes)('%s has a name, a status, a title and a way out', (code) => {
    const { status, title, fix } = errorCatalogue[code];
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(fix).toMatch(/^[A-Z].*\.$/);
  });

  it('calls every 503 and 429 retryable, and no other fault of the caller', () => {
    const statusesOf = (isRetryable: boolean): number[] =>
      codes.filter((code) => errorCatalogue[code].retryable === isRetryable).map((code) => errorCatalogue[code].status);
    expect(statusesOf(false)).not.toContain(503);
    expect(statusesOf(false)).not.toContain(429);
    expect(statusesOf(true).filter((status) => [400, 401, 403, 404, 405, 413, 415].includes(status))).toEqual([]);
  });
});

describe('WeirError', () => {
  it('takes status and retryability from its code', () => {
    expect(new WeirError('RATE_LIMITED')).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryable: true });
    expect(new WeirError('KEY_UNKNOWN')).toMatchObject({ code: 'KEY_UNKNOWN', status: 401, retryable: false });
  });

  it('has the title as public text unless a detail is given', () => {
    expect(new WeirError('NOT_FOUND').detail).toBe('No such route');
    expect(new WeirError('NOT_FOUND', { detail: 'No route /x' }).detail).toBe('No route /x');
  });

  it('keeps the cause out of the public text', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:5432');
    const error = new WeirError('POSTGRES_UNAVAILABLE', { cause, extensions: { limit: 1 } });
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain('10.0.0.7');
    expect(JSON.stringify({ detail: error.detail, ...error.extensions })).not.toContain('10.0.0.7');
  });

  it('has no cause when none is given', () => {
    expect('cause' in new WeirError('INTERNAL')).toBe(false);
  });

  it('is told from other errors, by code too', () => {
    const error = new WeirError('VALKEY_TIMEOUT');
    expect(isWeirError(error)).toBe(true);
    expect(isWeirError(error, 'VALKEY_TIMEOUT')).toBe(true);
    expect(isWeirError(error, 'VALKEY_REFUSED')).toBe(false);
    expect(isWeirError(new Error('VALKEY_TIMEOUT'))).toBe(false);
    expect(String(error)).toBe('WeirError: Valkey did not answer in time');
  });
});
