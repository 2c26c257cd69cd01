import { createResourceReader, formatResourceFault } from '@weir/crds';
import { describe, expect, it } from 'vitest';
import { findConflicts } from './find-conflicts.ts';

const reader = createResourceReader();
const feed = (name: string, spec: string): string =>
  `apiVersion: weir.dev/v1alpha1\nkind: PriceFeed\nmetadata: { name: ${name} }\nspec: { sources: [{ name: kraken, exchange: kraken }], ${spec} }\n---\n`;
const policy = (name: string, spec: string, namespace = 'default'): string =>
  `apiVersion: weir.dev/v1alpha1\nkind: ApiKeyPolicy\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { ${spec} }\n---\n`;
const conflicts = (...texts: string[]): string[] => {
  const { resources, faults } = reader.read(texts.join(''), 'f.yaml');
  expect(faults).toEqual([]);
  return findConflicts(resources).map(formatResourceFault);
};
const key = (secret: string): string => `keys: [{ name: k, project: p, secretRef: { name: ${secret} } }]`;

describe('conflicts between resources', () => {
  it('are none between feeds of other assets or quotes, policies of other tiers, secrets of other namespaces', () => {
    expect(
      conflicts(
        feed('one', 'assets: [BTC, ETH]'),
        feed('two', 'assets: [SOL]'),
        feed('euro', 'assets: [BTC], quote: EUR'),
        policy('free', `tier: free, ${key('s')}`),
        policy('pro', `tier: pro, feedRefs: [{ name: one }], ${key('t')}`),
        policy('free', key('s'), 'other'),
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'a pair that two feeds price',
      [feed('one', 'assets: [ETH, BTC]'), feed('two', 'assets: [SOL, BTC]')],
      'f.yaml:9 spec.assets[1] is BTC in USD, which is priced already by default/one (f.yaml:1). Fix: leave it out of one of the two.',
    ],
    [
      'a tier that two policies bind, in whatever namespaces',
      [policy('one', 'tier: pro'), policy('two', 'tier: pro', 'other')],
      'f.yaml:9 spec.tier is "pro", which is bound already by default/one (f.yaml:1). Fix: give one of them another tier.',
    ],
    [
      'a Secret that two keys share',
      [policy('one', key('s')), policy('two', key('s'))],
      'f.yaml:9 spec.keys[0].secretRef.name is "s", which holds a key already of default/one (f.yaml:1). Fix: give every key a Secret of its own.',
    ],
    [
      'a name that is taken',
      [policy('one', ''), policy('one', '')],
      'f.yaml:8 metadata.name is the name of another ApiKeyPolicy already, default/one (f.yaml:1). Fix: rename one of them.',
    ],
    [
      'a reference to a feed that is not there',
      [feed('one', 'assets: [BTC]'), policy('pro', 'feedRefs: [{ name: two }]')],
      'f.yaml:9 spec.feedRefs[0].name is "two", and there is no PriceFeed of that name in namespace default. Fix: correct the name or add the PriceFeed.',
    ],
  ])('name %s', (_, texts, expected) => {
    expect(conflicts(...texts)).toEqual([expected]);
  });
});
