/** Puts the parts of the kind together: what is watched, who reads, who writes. */
import { createDocumentKeeper, type DocumentKeeper } from '../documents/index.ts';
import {
  controllerKeyOf,
  keyOf,
  watchCache,
  type Cache,
  type ControllerDefinition,
  type ControllerSource,
  type KubeObject,
} from '../kube/index.ts';
import type { OperatorDeps } from '../operator-deps.ts';
import { PRICE_FEED } from '../weir-resources.ts';
import { createChildApplier } from './apply-children.ts';
import { createFeedCleaner } from './clean-up.ts';
import { loginMarkOf } from './desired-config.ts';
import { createFeedCatalogue, type FeedCatalogue } from './feed-catalogue.ts';
import { feedKeysOf, openCaches, WATCHED_KINDS, type FeedCaches } from './gather.ts';
import { createFeedMetrics } from './metrics.ts';
import { createReportPoller, type ReportPoller } from './poll-feed-reports.ts';
import { createReconcile } from './reconcile.ts';

/** Within 30 s whatever a watch does not tell is put right: Secrets. */
const RESYNC_MS = 29_000;
const CONCURRENCY = 10;

export function createPriceFeedController(deps: OperatorDeps): ControllerDefinition {
  const { kube, valkey, clock, telemetry, events, config: settings, fence } = deps;
  const logger = deps.logger.child({ controller: 'pricefeed' });
  const { bulk: client } = valkey;
  const caches = openCaches(deps.caches);
  const { trustedNamespaces, venueAddresses } = settings;
  const catalogue = createFeedCatalogue({ feeds: caches.feeds, trustedNamespaces, venueAddresses });
  const shared = { client, clock, logger, fence };
  const keeper = createDocumentKeeper({ ...shared, family: 'feeds', wanted: () => catalogue.documents() });
  const reports = createReportPoller({ ...shared, feeds: caches.feeds });
  const metrics = createFeedMetrics(telemetry);
  const applier = createChildApplier({ kube, clock, events, onApplied: (kind) => metrics.childApplied(kind) });
  const onGivenUp = (): void => metrics.cleanupGivenUp();
  const cleaner = createFeedCleaner({ ...shared, kube, keeper, catalogue, events, onGivenUp });
  return {
    name: 'pricefeed',
    primary: caches.feeds,
    sources: sourcesOf({ caches, catalogue, keeper, reports }),
    concurrency: CONCURRENCY,
    resyncMs: RESYNC_MS,
    reconcile: createReconcile({
      kube,
      clock,
      events,
      settings,
      loginMark: loginMarkOf(settings.feed),
      caches,
      catalogue,
      keeper,
      reports,
      applier,
      cleaner,
      metrics,
    }),
  };
}

interface Sources {
  readonly caches: FeedCaches;
  readonly catalogue: FeedCatalogue;
  readonly keeper: DocumentKeeper;
  readonly reports: ReportPoller;
}

function sourcesOf({ caches, catalogue, keeper, reports }: Sources): readonly ControllerSource[] {
  const children = WATCHED_KINDS.map((kind) => watchOwned(caches.children[kind]));
  const pods = watchCache(caches.pods, ({ before, after }) => {
    const pod = after ?? before;
    return pod === undefined ? [] : feedKeysOf(pod);
  });
  const others: ControllerSource = {
    synced: true,
    subscribe(enqueue) {
      const ends = [
        catalogue.onAffected((key) => enqueue(key)),
        // Who owns what is found out with the change itself, so that who has won or lost is looked at too.
        caches.feeds.onChange(() => void catalogue.documents()),
        reports.start((key) => enqueue(key)),
        keeper.onFaultChange(() => {
          for (const feed of caches.feeds.list()) enqueue(keyOf(feed), { resetsBackoff: true });
        }),
      ];
      keeper.start();
      return () => {
        for (const end of ends) end();
        void keeper.stop();
      };
    },
  };
  return [...children, pods, others];
}

/** A child tells the feed that controls it, or the one on its label when that reference was taken away. */
function watchOwned(cache: Cache<KubeObject>): ControllerSource {
  return watchCache(cache, ({ before, after }) =>
    [before, after]
      .flatMap((object) => {
        if (object === undefined) return [];
        return new Set([...controllerKeyOf(object, PRICE_FEED.kind), ...feedKeysOf(object)]);
      })
      .flatMap((keys) => [...keys]),
  );
}
