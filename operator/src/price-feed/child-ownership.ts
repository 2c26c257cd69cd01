/** Whose an object is that has the name of a child. Pure. */
import type { KubeObject, OwnerReference } from '../kube/index.ts';
import { childLabels, FEED_LABEL, type PriceFeed } from './price-feed.ts';

const MANAGED_BY = 'app.kubernetes.io/managed-by';

/**
 * own: controlled by this feed, or labelled as its child with that reference taken away. former: of a feed of that name
 * which was deleted, and about to be collected. foreign: somebody else's, not to be touched.
 */
export type ChildOwner = 'own' | 'former' | 'foreign';

export function ownerOfChild(live: KubeObject, feed: PriceFeed): ChildOwner {
  const { labels = {} } = live.metadata;
  const controller = controllerOf(live);
  if (controller !== undefined) {
    if (controller.uid === feed.metadata.uid) return 'own';
    return controller.kind === feed.kind && controller.name === feed.metadata.name ? 'former' : 'foreign';
  }
  const expected = childLabels(feed.metadata.name);
  return [MANAGED_BY, FEED_LABEL].every((name) => labels[name] === expected[name]) ? 'own' : 'foreign';
}

export const hasController = (live: KubeObject): boolean => controllerOf(live) !== undefined;

const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);
