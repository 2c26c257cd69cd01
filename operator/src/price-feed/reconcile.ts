/** One PriceFeed: reads what is, brings about what is desired, says how it stands. In this order, and each time anew. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import type { PriceFeedStatus } from '@weir/crds';
import type { OperatorSettings } from '../config.ts';
import type { DocumentKeeper } from '../documents/index.ts';
import {
  isKubeError,
  keyOf,
  type EventRecorder,
  type KubeClient,
  type ObjectKey,
  type Reconcile,
  type ReconcileResult,
} from '../kube/index.ts';
import { FINALIZER, MANAGER, PRICE_FEED, STATUS_MANAGER } from '../weir-resources.ts';
import { isTerminating, type AppliedChildren, type ChildApplier } from './apply-children.ts';
import type { FeedCleaner } from './clean-up.ts';
import { desiredChildren, type DesiredChildren } from './desired.ts';
import type { FeedCatalogue } from './feed-catalogue.ts';
import { gather, type FeedCaches, type Observed, type PublishOutcome } from './gather.ts';
import type { FeedMetrics } from './metrics.ts';
import { findWorkloadFault } from './pod-faults.ts';
import type { ReportPoller } from './poll-feed-reports.ts';
import type { PriceFeed } from './price-feed.ts';
import { CONDITION_TYPES, statusOf } from './status.ts';
import { tellTransitions } from './tell-transitions.ts';

export interface ReconcileParts {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly settings: OperatorSettings;
  readonly loginMark: string;
  readonly caches: FeedCaches;
  readonly catalogue: FeedCatalogue;
  readonly keeper: DocumentKeeper;
  readonly reports: ReportPoller;
  readonly applier: ChildApplier;
  readonly cleaner: FeedCleaner;
  readonly metrics: FeedMetrics;
}

/** Until a watch has delivered what was just written. */
const BEHIND_MS = 50;
/** Until Valkey, a former object of the same name, or the feed itself has come round. */
const AGAIN_MS = 1_500;

const NO_CHILDREN: DesiredChildren = {
  ServiceAccount: undefined,
  ConfigMap: undefined,
  Secret: undefined,
  NetworkPolicy: undefined,
  PodDisruptionBudget: undefined,
  Deployment: undefined,
};

export function createReconcile(parts: ReconcileParts): Reconcile {
  const reconciler = new FeedReconciler(parts);
  return async (key, { signal }) => {
    try {
      return await reconciler.reconcile(key, signal);
    } catch (err) {
      // The feed will follow its namespace.
      if (isKubeError(err) && isTerminating(err)) return {};
      throw err;
    }
  };
}

class FeedReconciler {
  readonly #parts: ReconcileParts;

  constructor(parts: ReconcileParts) {
    this.#parts = parts;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, cleaner } = this.#parts;
    const feed = caches.feeds.get(key);
    if (feed === undefined) return this.#forget(key);
    const observed = gather(feed, this.#parts);
    if (observed === undefined) return { requeueAfterMs: BEHIND_MS };
    const remains = { deployment: observed.children.Deployment, pods: observed.pods };
    if (feed.metadata.deletionTimestamp !== undefined) return cleaner.cleanUp(feed, remains, signal);
    if (observed.verdict.kind !== 'untrusted') return this.#run(observed, signal);
    // It was trusted once: what it has made goes as if it were deleted.
    if (feed.metadata.finalizers?.includes(FINALIZER) === true) return cleaner.cleanUp(feed, remains, signal);
    const applied = await this.#parts.applier.apply(observed, NO_CHILDREN, signal);
    return this.#report(observed, applied, { kind: 'absent' }, signal);
  }

  async #run(observed: Observed, signal: AbortSignal): Promise<ReconcileResult> {
    const { feed, verdict } = observed;
    const { settings, loginMark, applier } = this.#parts;
    if (feed.metadata.finalizers?.includes(FINALIZER) !== true) await this.#addFinalizer(feed, signal);
    const desired = desiredChildren({
      feed,
      settings: settings.feed,
      loginMark,
      venueAddresses: settings.venueAddresses,
      hasWork: verdict.kind !== 'conflicted',
    });
    const applied = await applier.apply(observed, desired, signal);
    const outcome = await this.#publish(observed);
    return this.#report(observed, applied, outcome, signal);
  }

  /** An object that went without a clean-up: its document does all the same. */
  async #forget(key: ObjectKey): Promise<ReconcileResult> {
    const { applier, cleaner, keeper, metrics } = this.#parts;
    applier.forget(key);
    cleaner.forget(key);
    metrics.forget(key);
    await keeper.publish(key);
    return {};
  }

  async #addFinalizer({ apiVersion, kind, metadata }: PriceFeed, signal: AbortSignal): Promise<void> {
    const { name, namespace = '', uid } = metadata;
    const body = {
      apiVersion,
      kind,
      metadata: { name, namespace, ...(uid !== undefined && { uid }), finalizers: [FINALIZER] },
    };
    await this.#parts.kube.apply(PRICE_FEED, body, { fieldManager: MANAGER, signal });
  }

  async #publish({ feed, verdict }: Observed): Promise<PublishOutcome> {
    const { keeper } = this.#parts;
    try {
      const seq = await keeper.publish(keyOf(feed));
      return verdict.kind === 'conflicted' ? { kind: 'absent' } : { kind: 'published', seq };
    } catch (error) {
      if (!isWeirError(error)) throw error;
      return { kind: keeper.fault === undefined ? 'pending' : 'failed', error };
    }
  }

  async #report(
    observed: Observed,
    applied: AppliedChildren,
    outcome: PublishOutcome,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { feed, verdict, quotaConflicts, pods, report } = observed;
    const { reports, settings, clock, keeper, metrics } = this.#parts;
    const seq = outcome.kind === 'published' ? outcome.seq : 0;
    const hasApplied = reports.appliedSeqOf(keyOf(feed)) >= seq;
    const isJudged = feed.status?.observedGeneration === feed.metadata.generation;
    // Just started: what was said before is better than "not known".
    if (isJudged && !reports.hasRead && keeper.fault === undefined) return { requeueAfterMs: AGAIN_MS };
    const status = statusOf({
      feed,
      verdict,
      quotaConflicts,
      trustedNamespaces: settings.trustedNamespaces,
      deployment: applied.deployment,
      childFault: applied.fault,
      podFault: findWorkloadFault(applied.deployment, pods),
      outcome,
      report,
      hasApplied,
      now: new Date(clock.nowMs()),
    });
    metrics.observe(feed, status);
    await this.#writeStatus(feed, status, signal);
    const isPending = outcome.kind === 'pending' || outcome.kind === 'failed' || applied.isWaiting;
    return isPending || (report?.freshness === 'fresh' && !hasApplied) ? { requeueAfterMs: AGAIN_MS } : {};
  }

  async #writeStatus(feed: PriceFeed, status: PriceFeedStatus, signal: AbortSignal): Promise<void> {
    if (isDeepStrictEqual(ownStatus(feed.status), ownStatus(status))) return;
    const { apiVersion, kind, metadata } = feed;
    const { name, namespace = '', uid } = metadata;
    const body = { apiVersion, kind, metadata: { name, namespace, ...(uid !== undefined && { uid }) }, status };
    await this.#parts.kube.applyStatus(PRICE_FEED, body, { fieldManager: STATUS_MANAGER, signal });
    tellTransitions(this.#parts.events, feed, status);
  }
}

/** Without what others may have put there, and in one order. */
function ownStatus(status: PriceFeedStatus = {}): PriceFeedStatus {
  const conditions = CONDITION_TYPES.flatMap((type) => status.conditions?.find((each) => each.type === type) ?? []);
  return { ...status, conditions };
}
