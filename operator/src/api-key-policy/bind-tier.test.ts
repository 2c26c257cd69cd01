import { expect, test } from 'vitest';
import { bindTiers, judgeTier } from './bind-tier.ts';
import { samplePolicy } from '../../test/api-key-policy/sample-policy.ts';

const trusted = new Set(['weir', 'shop']);
const tier = { tier: 'pro' };
const at = (creationTimestamp: string) => ({ creationTimestamp });

test('the oldest binds the tier, and of one second the first by name', () => {
  const old = samplePolicy(tier, { name: 'z', ...at('2026-01-01T00:00:00Z') });
  const second = samplePolicy(tier, { name: 'a', namespace: 'shop', ...at('2026-01-01T00:00:01Z') });
  const third = samplePolicy(tier, { name: 'b', ...at('2026-01-01T00:00:01Z') });
  for (const order of [
    [old, second, third],
    [third, second, old],
    [second, third, old],
  ]) {
    expect(bindTiers(order, trusted)).toEqual(new Map([['pro', 'weir/z']]));
  }
  expect(bindTiers([third, second], trusted)).toEqual(new Map([['pro', 'shop/a']]));
});

test('neither an untrusted policy nor one that is being deleted binds, and one without a tier is always accepted', () => {
  const untrusted = samplePolicy(tier, { namespace: 'x', ...at('2020-01-01T00:00:00Z') });
  const going = samplePolicy(tier, { ...at('2020-01-01T00:00:00Z'), deletionTimestamp: '2026-01-01T00:00:00Z' });
  const young = samplePolicy(tier, { name: 'young', ...at('2026-01-01T00:00:00Z') });
  const free = samplePolicy({}, { name: 'free', namespace: 'x' });
  const winners = bindTiers([untrusted, going, young, free], trusted);
  expect(winners).toEqual(new Map([['pro', 'weir/young']]));
  expect([untrusted, young, free].map((each) => judgeTier(each, winners, trusted).kind)).toEqual([
    'notAllowed',
    'accepted',
    'accepted',
  ]);
  const loser = samplePolicy(tier, { name: 'later', ...at('2026-01-02T00:00:00Z') });
  expect(judgeTier(loser, winners, trusted)).toEqual({ kind: 'conflicted', winner: 'weir/young' });
});
