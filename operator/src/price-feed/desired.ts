/** All children of a PriceFeed: what each is to be, or that it is not to be. Pure. */
import type { FeedSettings, VenueAddress } from '../config.ts';
import type { ChildObject } from './desired-child.ts';
import { configMapOf, disruptionBudgetOf, secretOf, serviceAccountOf } from './desired-config.ts';
import { deploymentOf } from './desired-deployment.ts';
import { networkPolicyOf } from './desired-network-policy.ts';
import type { ChildKind, PriceFeed } from './price-feed.ts';

export interface DesiredInputs {
  readonly feed: PriceFeed;
  readonly settings: FeedSettings;
  /** Of these settings, as `loginMarkOf` has it. */
  readonly loginMark: string;
  readonly venueAddresses: Readonly<Record<string, VenueAddress>>;
  /** Whether there is anything to price: without an asset of its own a feed runs no pods. */
  readonly hasWork: boolean;
}

export type DesiredChildren = Readonly<Record<ChildKind, ChildObject | undefined>>;

/** Pods that are wanted now. */
export function replicasOf({ feed, hasWork }: Pick<DesiredInputs, 'feed' | 'hasWork'>): number {
  return feed.spec.suspend || !hasWork ? 0 : feed.spec.replicas;
}

export function desiredChildren(inputs: DesiredInputs): DesiredChildren {
  const { feed, settings, loginMark, venueAddresses } = inputs;
  const replicas = replicasOf(inputs);
  const configMap = configMapOf(feed, settings);
  return {
    ServiceAccount: serviceAccountOf(feed),
    ConfigMap: configMap,
    Secret: secretOf(feed, settings),
    NetworkPolicy: networkPolicyOf(feed, settings, venueAddresses),
    PodDisruptionBudget: disruptionBudgetOf(feed, replicas),
    Deployment: deploymentOf(feed, settings, { replicas, configMap, loginMark }),
  };
}
