/** Whose an object is that has the name of a child. Pure. */
import type { KubeObject } from '../kube/index.ts';
import { childLabels, type PriceFeed } from './price-feed.ts';

const MANAGED_BY = 'app.kubernetes.io/managed-by';

/**
 * own: this feed's, even if its owner reference was taken away. former: of a feed of that name which was deleted, and
 * about to be collected. foreign: somebody else's, not to be touched.
 */
export type ChildOwner = 'own' | 'former' | 'foreign';

export function ownerOfChild(live: KubeObject, feed: PriceFeed): ChildOwner {
  const { ownerReferences = [], labels = {} } = live.metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (ownerReferences.some(({ uid }) => uid === feed.metadata.uid)) return 'own';
  if (owner !== undefined) return owner.kind === feed.kind && owner.name === feed.metadata.name ? 'former' : 'foreign';
  return labels[MANAGED_BY] === childLabels(feed.metadata.name)[MANAGED_BY] ? 'own' : 'foreign';
}
