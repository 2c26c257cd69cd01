import { errorCatalogue, WeirError, type ErrorCode } from '@weir/errors';
import { describe, expect, it } from 'vitest';
import { problemOf } from './index.ts';

describe('problemOf', () => {
  it.each(Object.keys(errorCatalogue) as ErrorCode[])('describes %s as the catalogue does', (code) => {
    const { status, title, fix } = errorCatalogue[code];
    expect(problemOf({ code })).toEqual({ type: `/docs#${code}`, title, status, detail: title, code, fix });
  });

  it('carries detail and extensions of a WeirError, and not its cause', () => {
    const error = new WeirError('RATE_LIMITED', {
      detail: 'Too fast.',
      extensions: { limit: 'bucket' },
      cause: new Error('x'),
    });
    expect(problemOf(error)).toMatchObject({ detail: 'Too fast.', limit: 'bucket', code: 'RATE_LIMITED' });
    expect(problemOf(error)).not.toHaveProperty('cause');
  });

  it('takes a registered type where there is one', () => {
    const type = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
    expect(problemOf({ code: 'RATE_LIMITED', type })).toMatchObject({ type, code: 'RATE_LIMITED' });
  });

  it('lets no extension replace a member of its own', () => {
    expect(problemOf({ code: 'NOT_FOUND', extensions: { status: 200, code: 'X' } })).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
    });
  });
});
