import { describe, expect, it } from 'vitest';
import { describeFaults, fieldFaults } from './validation.ts';

const base = { schemaPath: '', params: {}, message: 'is wrong' };

describe('fieldFaults', () => {
  it('names a missing field and says what it is', () => {
    const parentSchema = { properties: { asset: { description: 'Asset such as BTC' } } };
    const error = {
      ...base,
      keyword: 'required',
      instancePath: '',
      params: { missingProperty: 'asset' },
      parentSchema,
    };
    expect(fieldFaults('querystring', [error])).toEqual([
      { in: 'query', field: 'asset', problem: 'is wrong', fix: 'Add asset to the query. It is: Asset such as BTC' },
    ]);
  });

  it('names an unknown field', () => {
    const error = { ...base, keyword: 'additionalProperties', instancePath: '/a', params: { additionalProperty: 'b' } };
    expect(fieldFaults('body', [error])).toEqual([
      { in: 'body', field: 'a.b', problem: 'is wrong', fix: 'Remove a.b: the body has no such field.' },
    ]);
  });

  it('lists what is allowed', () => {
    const error = { ...base, keyword: 'enum', instancePath: '/mode', params: { allowedValues: ['live', 'test'] } };
    expect(fieldFaults('params', [error])[0]).toMatchObject({
      in: 'path',
      field: 'mode',
      fix: 'Use one of live, test.',
    });
  });

  it('says one thing per field, and something when the whole is wrong', () => {
    const errors = ['type', 'pattern'].map((keyword) => ({ ...base, keyword, instancePath: '/a' }));
    expect(fieldFaults('body', errors)).toHaveLength(1);
    const [whole] = fieldFaults('body', [{ ...base, keyword: 'type', instancePath: '' }]);
    expect(whole?.field).toBe('(whole)');
  });

  it('reads as one sentence', () => {
    const faults = fieldFaults('headers', [{ ...base, keyword: 'type', instancePath: '/x' }]);
    expect(describeFaults([...faults, ...faults])).toBe('header x: is wrong; header x: is wrong');
  });
});
