/** What every child of a PriceFeed has in common, and how one is known to be as desired. Pure. */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../kube/index.ts';
import { ownerReferenceTo } from '../weir-resources.ts';
import { childLabels, childName, CHILD_TYPES, type ChildKind, type PriceFeed } from './price-feed.ts';

/** Its annotation: the hash of all that is desired of the object, so that what is no longer desired shows too. */
const DESIRED_HASH = 'weir.dev/desired-hash';

/** An object as raw JSON, with whatever its kind has beside metadata. */
export interface ChildObject extends KubeObject {
  readonly [member: string]: unknown;
}

export function childOf(feed: PriceFeed, kind: ChildKind, members: Readonly<Record<string, unknown>>): ChildObject {
  const { metadata } = feed;
  const { apiVersion } = CHILD_TYPES[kind];
  const labels = childLabels(metadata.name);
  const ownerReferences = [ownerReferenceTo(feed)];
  const hash = hashOf({ labels, ownerReferences, ...members });
  return {
    apiVersion,
    kind,
    metadata: {
      name: childName(metadata.name),
      namespace: metadata.namespace ?? '',
      labels,
      annotations: { [DESIRED_HASH]: hash },
      ownerReferences,
    },
    ...members,
  };
}

export const desiredHashOf = ({ metadata }: KubeObject): string => metadata.annotations?.[DESIRED_HASH] ?? '';

/** Of JSON; the builders put members in one order always. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
