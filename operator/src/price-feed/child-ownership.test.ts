import { expect, test } from 'vitest';
import { sampleFeed } from '../../test/price-feed/sample-feed.ts';
import type { OwnerReference } from '../kube/index.ts';
import { ownerReferenceTo } from '../weir-resources.ts';
import { ownerOfChild } from './child-ownership.ts';
import { childLabels } from './price-feed.ts';

const feed = sampleFeed();
const mine = ownerReferenceTo(feed);
const ours = childLabels('majors');
const managed = { 'app.kubernetes.io/managed-by': 'weir-operator' };

test.each<[string, string, Readonly<Record<string, string>>, readonly OwnerReference[]]>([
  ['that the feed controls', 'own', {}, [mine]],
  ['labelled as its child whose owner reference was taken away', 'own', ours, []],
  ['of a feed of that name that was deleted', 'former', ours, [{ ...mine, uid: 'before' }]],
  ['of nobody', 'foreign', {}, []],
  ['that names the feed as an owner only so that it goes with it', 'foreign', {}, [{ ...mine, controller: false }]],
  ['that something else controls', 'foreign', ours, [{ ...mine, kind: 'ApiKeyPolicy', uid: 'other' }]],
  ['of ours that is of another feed', 'foreign', { ...managed, 'weir.dev/feed': 'other' }, []],
  ['of ours that is of no feed, such as an issued key', 'foreign', managed, []],
])('an object %s is %s', (_which, owner, labels, ownerReferences) => {
  const metadata = { name: 'majors-feed', namespace: 'weir', labels, ownerReferences };
  expect(ownerOfChild({ apiVersion: 'v1', kind: 'Secret', metadata }, feed)).toBe(owner);
});
