import type { ApiKeyRecord } from '@weir/wire';
import { expect, test } from 'vitest';
import { newerRecord } from './newer-record.ts';

const held: ApiKeyRecord = {
  id: 'k1',
  userId: '',
  projectId: 'p1',
  teamId: '',
  name: 'demo',
  tier: 'pro',
  policy: '',
  currentUsage: 5,
  revoked: true,
  lrsEnabled: true,
  createdAtMs: 0,
  version: 2,
};

test('a newer version is taken, an older one confirms nothing', () => {
  const newer = { ...held, version: 3 };
  expect(newerRecord(held, newer)).toBe(newer);
  expect(newerRecord(held, { ...held, version: 1, revoked: false })).toBeUndefined();
});

test('an equal version keeps the object, unless figures of use have changed', () => {
  expect(newerRecord(held, { ...held })).toBe(held);
  expect(newerRecord(held, { ...held, currentUsage: 6 })).toMatchObject({ currentUsage: 6 });
  expect(newerRecord(held, { ...held, lastUsedMs: 1 })).toMatchObject({ lastUsedMs: 1 });
  expect(newerRecord(held, { ...held, lastSuccessMs: 1 })).toMatchObject({ lastSuccessMs: 1 });
});
