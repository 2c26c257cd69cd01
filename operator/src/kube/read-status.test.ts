import { describe, expect, it } from 'vitest';
import { isKubeError, isTerminal, KubeError } from './kube-error.ts';
import { readFailedAnswer, readStatusObject } from './read-status.ts';

const read = (code: number, body: unknown, retryAfter?: string) =>
  readFailedAnswer({
    code,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    retryAfter,
    nowMs: Date.UTC(2026, 0, 1),
  });
const status = (code: number, reason: string, message = 'no') => ({ kind: 'Status', code, reason, message });

describe('readFailedAnswer', () => {
  it.each([
    [400, 'BadRequest', 'rejected'],
    [401, 'Unauthorized', 'unauthorized'],
    [403, 'Forbidden', 'forbidden'],
    [404, 'NotFound', 'notFound'],
    [409, 'AlreadyExists', 'exists'],
    [409, 'Conflict', 'conflict'],
    [410, 'Expired', 'gone'],
    [410, 'Gone', 'gone'],
    [422, 'Invalid', 'rejected'],
    [429, 'TooManyRequests', 'throttled'],
    [500, 'InternalError', 'unavailable'],
    [503, 'ServiceUnavailable', 'unavailable'],
    [504, 'Timeout', 'unavailable'],
  ])('takes %i %s for "%s"', (code, reason, kind) => {
    expect(read(code, status(code, reason))).toMatchObject({ code, reason, kind, message: 'no' });
  });

  it.each([
    [409, 'conflict'],
    [415, 'rejected'],
    [502, 'unavailable'],
  ])('knows %i without a Status, as from a proxy in between', (code, kind) => {
    expect(read(code, '<html>')).toMatchObject({ code, reason: '', kind, message: `HTTP ${code}: <html>` });
  });

  it.each([
    'failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .dota: field not declared in schema',
    'failed to create typed patch object (w/d; apps/v1, Kind=Deployment): .env: duplicate entries for key [name="A"]',
    'failed to convert new object (w/m; weir.dev/v1alpha1, Kind=PriceFeed) to smd typed: .spec.assets: duplicate entries',
  ])('takes a schema fault of server-side apply for what it is, although it comes as 500: %s', (message) => {
    const error = read(500, { kind: 'Status', status: 'Failure', code: 500, message });
    expect(error).toMatchObject({ kind: 'rejected', code: 500, message });
    expect(isTerminal(error)).toBe(true);
  });

  it('takes any other 500 for something that passes', () => {
    const error = read(500, status(500, 'InternalError', 'etcdserver: request timed out'));
    expect(isTerminal(error)).toBe(false);
  });

  it('reads the causes, field by field', () => {
    const details = { causes: [{ field: 'spec.quote', reason: 'FieldValueInvalid', message: 'too long' }, 7] };
    expect(read(422, { ...status(422, 'Invalid'), details }).causes).toEqual([
      { field: 'spec.quote', reason: 'FieldValueInvalid', message: 'too long' },
    ]);
  });

  it('reads when to come back: from the header in seconds or as a date, else from the Status', () => {
    expect(read(429, status(429, 'TooManyRequests'), '3').retryAfterMs).toBe(3_000);
    expect(read(503, '', 'Thu, 01 Jan 2026 00:00:05 GMT').retryAfterMs).toBe(5_000);
    expect(read(429, { ...status(429, 'x'), details: { retryAfterSeconds: 2 } }).retryAfterMs).toBe(2_000);
    expect(read(503, '').retryAfterMs).toBeUndefined();
    expect(read(503, '', 'soon').retryAfterMs).toBeUndefined();
  });

  it('cuts a text that would not fit into a condition', () => {
    expect(read(500, 'x'.repeat(100_000)).message).toHaveLength(2_000);
  });
});

describe('readStatusObject', () => {
  it('knows the 410 that comes inside a stream with status 200', () => {
    const error = readStatusObject(status(410, 'Expired', 'too old resource version'));
    expect(error).toMatchObject({ kind: 'gone', code: 410 });
  });

  it('takes anything else for something that passes', () => {
    expect(readStatusObject(undefined).kind).toBe('unavailable');
  });
});

describe('isTerminal', () => {
  it('is true for what a person has to put right, and for nothing else', () => {
    const rejected = new KubeError({ kind: 'rejected', message: '' });
    const conflict = new KubeError({ kind: 'conflict', message: '' });
    expect([rejected, conflict, new Error('x'), undefined].map(isTerminal)).toEqual([true, false, false, false]);
    expect([isKubeError(conflict, 'conflict'), isKubeError(conflict, 'gone'), isKubeError(7)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
