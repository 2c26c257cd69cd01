import type { ApiKeyRecord } from '@weir/wire';
import { expect, test } from 'vitest';
import { policyDocument } from '../test/samples.ts';
import { createPolicyDirectory, type Access } from './policy-directory.ts';
import type { Policy } from './read-documents.ts';

const key = (changes: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  id: 'k1',
  userId: '',
  projectId: 'p1',
  teamId: '',
  name: 'demo',
  tier: 'pro',
  policy: '',
  currentUsage: 0,
  revoked: false,
  lrsEnabled: true,
  createdAtMs: 0,
  version: 1,
  ...changes,
});

const directoryOf = (...policies: Policy[]) => {
  const directory = createPolicyDirectory('http');
  directory.replace(new Map(policies.map((policy) => [policy.policy, policy])));
  return directory;
};
const accessOf = (record: ApiKeyRecord, ...policies: Policy[]): Access => directoryOf(...policies).accessOf(record);

test('a key is bound by the policy it names, else by the one of its tier', () => {
  const [pro, gold] = [policyDocument(), policyDocument({ policy: 'weir/gold', tier: 'gold', limits: {} })];
  expect(accessOf(key(), pro, gold).policyHeader).toBe('"bucket";q=20;w=2');
  expect(accessOf(key({ policy: 'weir/gold' }), pro, gold).decide).toBeUndefined();
});

test('a named policy that is gone refuses instead of falling back to the tier', () => {
  expect(accessOf(key({ policy: 'weir/gone' }), policyDocument()).refusal?.code).toBe('POLICY_MISSING');
  expect(accessOf(key({ tier: 'other' }), policyDocument()).refusal?.code).toBe('POLICY_MISSING');
});

test('of two policies for one tier every process takes the first by name', () => {
  const [a, b] = [policyDocument({ policy: 'a/x', limits: { requestsPerSecond: 1, burst: 1 } }), policyDocument()];
  expect(accessOf(key(), b, a).policyHeader).toBe('"bucket";q=1;w=1');
});

test("a key's own numbers go before the policy's", () => {
  const access = accessOf(key({ rateLimitQps: 50, burstLimit: 70 }), policyDocument());
  expect(access.decide).toMatchObject({ keyId: 'k1', cost: 1, bucket: { ratePerSecond: 50, burst: 70 } });
  expect(accessOf(key({ rateLimitQps: 5 }), policyDocument()).decide?.bucket).toEqual({ ratePerSecond: 5, burst: 20 });
});

test('a rate without a burst allows one second at once', () => {
  const bucket = (requestsPerSecond: number) =>
    accessOf(key(), policyDocument({ limits: { requestsPerSecond } })).decide?.bucket.burst;
  expect([bucket(10), bucket(0.5), bucket(2.5)]).toEqual([10, 1, 3]);
});

test('suspension and protocol refuse, revocation before both', () => {
  expect(accessOf(key(), policyDocument({ suspend: true })).refusal?.code).toBe('POLICY_SUSPENDED');
  const udp = policyDocument({ access: { protocols: ['udp'], allowStale: true, onDemandAssets: false } });
  expect(accessOf(key(), udp).refusal?.code).toBe('PROTOCOL_NOT_ALLOWED');
  expect(accessOf(key({ revoked: true }), udp).refusal?.code).toBe('KEY_REVOKED');
});

test('a dry run refuses nothing of its own, but a revoked key', () => {
  const dry = policyDocument({ mode: 'DryRun', suspend: true });
  const access = accessOf(key(), dry);
  expect(access.refusal).toBeUndefined();
  expect(access).toMatchObject({ isRefusedDry: true, allowStale: true, decide: { dryRun: true } });
  expect(accessOf(key({ revoked: true }), dry).refusal?.code).toBe('KEY_REVOKED');
});

test('feeds of the policy restrict what may be asked for', () => {
  expect(accessOf(key(), policyDocument()).feeds).toBeUndefined();
  expect([...(accessOf(key(), policyDocument({ feeds: ['weir/majors'] })).feeds ?? [])]).toEqual(['weir/majors']);
});

test('Valkey remembers idle partner and stress keys for an hour', () => {
  const of = (tier: string) => accessOf(key({ tier }), policyDocument({ tier })).decide?.retentionMs;
  expect([of('pro'), of('partner'), of('stress')]).toEqual([undefined, 3_600_000, 3_600_000]);
});

test('is worked out once for a record and again when the policies change', () => {
  const directory = directoryOf(policyDocument());
  const record = key();
  const first = directory.accessOf(record);
  expect(directory.accessOf(record)).toBe(first);
  directory.replace(new Map([['weir/pro', policyDocument({ limits: { requestsPerSecond: 1, burst: 1 } })]]));
  expect(directory.accessOf(record).policyHeader).toBe('"bucket";q=1;w=1');
});
