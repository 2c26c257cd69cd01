import { expect, test } from 'vitest';
import { cacheOf, samplePolicy } from '../../test/api-key-policy/sample-policy.ts';
import { PolicyCatalogue } from './policy-catalogue.ts';

const old = samplePolicy({ tier: 'pro' }, { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' });
const young = samplePolicy({ tier: 'pro' }, { name: 'young', creationTimestamp: '2026-01-02T00:00:00Z' });
const untrusted = samplePolicy({ tier: 'gold' }, { namespace: 'shop' });
const going = samplePolicy({ tier: 'free' }, { name: 'going', deletionTimestamp: '2026-01-03T00:00:00Z' });

test('publishes every policy that stays, and the tier with the one that binds it alone', () => {
  const catalogue = new PolicyCatalogue(cacheOf(old, young, untrusted, going), ['weir']);
  const { texts = new Map<string, string>(), kept } = catalogue.documents() ?? {};
  const tiers = [...texts].map(([field, json]) => [field, (JSON.parse(json) as { tier?: string }).tier]);
  expect(tiers).toEqual([
    ['weir/old', 'pro'],
    ['weir/young', undefined],
    ['shop/pro', undefined],
  ]);
  expect(kept?.size).toBe(0);
});

test('knows nothing before the cache does', () => {
  const catalogue = new PolicyCatalogue({ ...cacheOf(old), synced: false }, ['weir']);
  expect(catalogue.documents()).toBeUndefined();
});

test('the revision changes with what deciders get, and with nothing else', () => {
  const alone = new PolicyCatalogue(cacheOf(young), ['weir']);
  const beaten = new PolicyCatalogue(cacheOf(old, young), ['weir']);
  const touched = { ...young, metadata: { ...young.metadata, generation: 7, annotations: { a: 'b' } } };
  expect(alone.revisionOf(young)).toMatch(/^[0-9a-f]{12}$/);
  expect(new PolicyCatalogue(cacheOf(touched), ['weir']).revisionOf(touched)).toBe(alone.revisionOf(young));
  expect(beaten.revisionOf(young)).not.toBe(alone.revisionOf(young));
});

test('what cannot be compiled keeps what was published last', () => {
  const broken = { ...old, spec: { ...old.spec, costs: { price: 'free', report: '0' } } };
  const catalogue = new PolicyCatalogue(cacheOf(broken), ['weir']);
  expect(catalogue.verdictOf(broken)).toMatchObject({ kind: 'invalid', problem: expect.stringContaining('free') });
  expect(catalogue.documents()?.kept).toEqual(new Set(['weir/old']));
  expect(catalogue.revisionOf(broken)).toBe('');
});
