import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeApiKeyRecord, encodeApiKeyRecord, type ApiKeyRecord } from './api-key-record.ts';

const instant = fc.integer({ min: 0, max: 4_102_444_800_000 });
const quantity = fc.double({ min: 0, max: 1e12, noNaN: true }).map(Math.abs); // no negative zero

const record: fc.Arbitrary<ApiKeyRecord> = fc.record(
  {
    id: fc.string({ minLength: 1 }),
    userId: fc.string(),
    projectId: fc.string(),
    teamId: fc.string(),
    name: fc.string(),
    tier: fc.string({ minLength: 1 }),
    policy: fc.string(),
    queryLimit: quantity,
    currentUsage: fc.nat(),
    rateLimitQps: quantity,
    burstLimit: quantity,
    minimumWaitSeconds: quantity,
    revoked: fc.boolean(),
    lrsEnabled: fc.boolean(),
    expiresAtMs: instant,
    lastUsedMs: instant,
    createdAtMs: instant,
    lastSuccessMs: instant,
    version: fc.nat(),
  },
  {
    requiredKeys: [
      'id',
      'userId',
      'projectId',
      'teamId',
      'name',
      'tier',
      'policy',
      'currentUsage',
      'revoked',
      'lrsEnabled',
      'createdAtMs',
      'version',
    ],
  },
);

const stored = encodeApiKeyRecord({
  id: 'k1',
  userId: 'u1',
  projectId: 'p1',
  teamId: 't1',
  name: 'acme',
  tier: 'pro',
  policy: 'default/pro',
  rateLimitQps: 10,
  currentUsage: 3,
  revoked: false,
  lrsEnabled: true,
  expiresAtMs: 1_800_000_000_000,
  createdAtMs: 1_700_000_000_000,
  version: 7,
});

describe('API key records', () => {
  it('are given back by their hash fields', () => {
    fc.assert(
      fc.property(record, (key) => {
        expect(decodeApiKeyRecord(encodeApiKeyRecord(key))).toEqual(key);
      }),
    );
  });

  it('are texts in every field, under the documented names', () => {
    expect(stored).toMatchObject({
      id: 'k1',
      rate_limit_qps: '10',
      query_limit: '',
      revoked: '0',
      lrs_enabled: '1',
      version: '7',
    });
    expect(stored['expires_at']).toBe(new Date(1_800_000_000_000).toISOString());
  });

  it.each(['id', 'tier', 'created_at', 'version', 'revoked'])('need %s', (name) => {
    expect(decodeApiKeyRecord(stored)).toBeDefined();
    const { [name]: _left, ...others } = stored;
    expect(decodeApiKeyRecord(others)).toBeUndefined();
    expect(decodeApiKeyRecord({ ...stored, [name]: '' })).toBeUndefined();
  });

  it.each([
    ['expires_at', 'soon'],
    ['rate_limit_qps', 'many'],
    ['rate_limit_qps', ' '],
    ['rate_limit_qps', '-1'],
    ['query_limit', '0x10'],
    ['burst_limit', 'Infinity'],
    ['current_usage', 'x'],
    ['revoked', 'true'],
  ])('do not turn an unreadable %s (%j) into no limit', (name, text) => {
    expect(decodeApiKeyRecord({ ...stored, [name]: text })).toBeUndefined();
  });

  it('never throw on any fields', () => {
    const fields = fc.dictionary(fc.constantFrom(...Object.keys(stored)), fc.string());
    fc.assert(
      fc.property(fields, (some) => {
        const key = decodeApiKeyRecord({ ...stored, ...some });
        if (key !== undefined) expect(decodeApiKeyRecord(encodeApiKeyRecord(key))).toEqual(key);
      }),
    );
  });
});
