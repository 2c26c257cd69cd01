/**
 * The end of a PriceFeed: its pods first, so that nobody publishes what is being removed; then its document and prices;
 * then the finalizer. It never lasts for ever: what cannot be removed in time is left to the sweep of documents and to
 * the life time of keys.
 */
import type { Clock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import type { DocumentKeeper } from '../documents/index.ts';
import {
  dropFinalizer,
  keyOf,
  nameOf,
  type EventRecorder,
  type Fence,
  type KubeClient,
  type KubeObject,
  type ObjectKey,
  type ReconcileResult,
} from '../kube/index.ts';
import { FINALIZER, PRICE_FEED } from '../weir-resources.ts';
import { ownerOfChild } from './child-ownership.ts';
import type { FeedCatalogue } from './feed-catalogue.ts';
import type { Pod } from './pod-faults.ts';
import { CHILD_TYPES, type PriceFeed } from './price-feed.ts';

export interface CleanerOptions {
  readonly kube: KubeClient;
  readonly client: ValkeyClient;
  readonly keeper: DocumentKeeper;
  readonly catalogue: FeedCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly fence: Fence;
  readonly onGivenUp: () => void;
}

export interface FeedRemains {
  readonly deployment: KubeObject | undefined;
  readonly pods: readonly Pod[];
}

export interface FeedCleaner {
  /** Goes on with the clean-up; to be called until the finalizer is gone. */
  cleanUp(feed: PriceFeed, remains: FeedRemains, signal: AbortSignal): Promise<ReconcileResult>;
  forget(key: ObjectKey): void;
}

/** Pods that a lost node does not end, or a Valkey that does not come back, hold nothing up for longer. */
const GIVE_UP_MS = 120_000;
const AGAIN_MS = 1_000;
const KEYS_PER_TURN = 200;

class Cleaner implements FeedCleaner {
  readonly #options: CleanerOptions;
  readonly #sinceMs = new Map<ObjectKey, number>();

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  forget(key: ObjectKey): void {
    this.#sinceMs.delete(key);
  }

  async cleanUp(feed: PriceFeed, remains: FeedRemains, signal: AbortSignal): Promise<ReconcileResult> {
    if (feed.metadata.finalizers?.includes(FINALIZER) !== true) return {};
    const { clock, catalogue } = this.#options;
    const key = keyOf(feed);
    const sinceMs = this.#sinceMs.get(key) ?? clock.monotonicMs();
    this.#sinceMs.set(key, sinceMs);
    const isLate = clock.monotonicMs() - sinceMs >= GIVE_UP_MS;
    try {
      if (!(await this.#hasEnded(feed, remains, signal)) && !isLate) return { requeueAfterMs: AGAIN_MS };
      // From here on others may have its pairs.
      catalogue.release(feed);
      await this.#removeData(feed);
    } catch (err) {
      if (!isWeirError(err)) throw err;
      if (!isLate) return { requeueAfterMs: AGAIN_MS };
      this.#giveUp(feed, err.detail);
    }
    await dropFinalizer(this.#options.kube, PRICE_FEED, feed, { finalizer: FINALIZER, signal });
    this.forget(key);
    return {};
  }

  /** Whether no pod publishes any more: all are gone, or at least nobody holds the lease. */
  async #hasEnded(feed: PriceFeed, { deployment, pods }: FeedRemains, signal: AbortSignal): Promise<boolean> {
    const { kube, client } = this.#options;
    if (deployment !== undefined && ownerOfChild(deployment, feed) === 'own') {
      const { name, namespace = '', uid, deletionTimestamp } = deployment.metadata;
      if (deletionTimestamp === undefined) {
        const options = { ...(uid !== undefined && { uid }), signal };
        await kube.delete(CHILD_TYPES.Deployment, { namespace, name }, options);
      }
      return false;
    }
    if (pods.length === 0) return true;
    return (await client.get(keyspace.feedLease.key(nameOf(keyOf(feed))))) === null;
  }

  async #removeData(feed: PriceFeed): Promise<void> {
    const { client, keeper, catalogue, fence } = this.#options;
    const key = keyOf(feed);
    await keeper.publish(key);
    const prices = catalogue.unownedPairs(feed).map((pair) => keyspace.price.key({ pair }));
    const keys = [...prices, keyspace.feedStatus.key(nameOf(key))];
    for (let start = 0; start < keys.length; start += KEYS_PER_TURN) {
      fence.check();
      // One key each: they lie in different slots of a cluster.
      await Promise.all(keys.slice(start, start + KEYS_PER_TURN).map((each) => client.call('DEL', each)));
    }
  }

  #giveUp(feed: PriceFeed, why: string): void {
    const { events, logger, onGivenUp } = this.#options;
    onGivenUp();
    logger.warn({ feed: keyOf(feed), why }, 'the data of a deleted feed could not be removed in time');
    const note = `Its data in Valkey could not be removed (${why}) and goes by itself later.`;
    events.record({ regarding: feed, type: 'Warning', reason: 'CleanupGivenUp', action: 'CleanUp', note });
  }
}

export function createFeedCleaner(options: CleanerOptions): FeedCleaner {
  return new Cleaner(options);
}
