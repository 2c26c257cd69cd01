/** Puts the kind together: what is watched, what makes a policy worth a look, and what is done then. */
import { createDocumentKeeper, type DocumentKeeper } from '../documents/index.ts';
import {
  keyOf,
  watchCache,
  type Cache,
  type CacheChange,
  type ControllerDefinition,
  type ControllerSource,
  type KubeObject,
  type ObjectKey,
} from '../kube/index.ts';
import type { OperatorDeps } from '../operator-deps.ts';
import { API_KEY_POLICY, POD, PRICE_FEED } from '../weir-resources.ts';
import { createProofWaiter } from './await-proof.ts';
import { Deciders, isReadyDecider } from './deciders.ts';
import { createOrphanSweep } from './orphan-sweep.ts';
import { PolicyCatalogue } from './policy-catalogue.ts';
import { registerPolicyGauges } from './policy-metrics.ts';
import { DECIDER_LABEL, type ApiKeyPolicy, type Pod } from './policy.ts';
import { createPolicyReconcile } from './reconcile-policy.ts';

/** What happens without notice, such as an edit of Valkey's keys by hand, is found by then. */
const RESYNC_MS = 600_000;

export function createApiKeyPolicyController(deps: OperatorDeps): ControllerDefinition {
  const { caches, valkey, clock, logger, fence, config, telemetry, postgres } = deps;
  const policies = caches.open<ApiKeyPolicy>({ type: API_KEY_POLICY });
  const feeds = caches.open<KubeObject>({ type: PRICE_FEED });
  const pods = caches.open<Pod>({
    type: POD,
    labelSelector: DECIDER_LABEL,
    ...namespacesOfDeciders(config),
    transform: readinessOf,
  });
  const catalogue = new PolicyCatalogue(policies, config.trustedNamespaces);
  const wanted = () => catalogue.documents();
  const keeper = createDocumentKeeper({ family: 'policies', client: valkey.bulk, clock, logger, wanted, fence });
  const proofs = createProofWaiter(new Deciders({ pods, client: valkey.bulk, clock }), clock);
  const { watchNamespaces } = config;
  const orphans = createOrphanSweep({ policies, postgres, clock, logger, fence, watchNamespaces });
  registerPolicyGauges(telemetry, policies);
  const everyPolicy = (): readonly ObjectKey[] => policies.list().map(keyOf);
  return {
    name: 'apikeypolicy',
    primary: policies,
    sources: [
      watchCache(policies, (change) => rivalsOf(change, catalogue)),
      watchCache(feeds, (change) => referrersOf(change, policies)),
      watchCache(pods, (change) => (hasReadinessChanged(change) ? everyPolicy() : [])),
      watchDocuments(keeper, everyPolicy),
      orphans.source,
    ],
    reconcile: createPolicyReconcile({ deps, policies, feeds, catalogue, keeper, proofs, orphans }),
    resyncMs: RESYNC_MS,
  };
}

/** Those that are watched, and the operator's own; absent for all. */
function namespacesOfDeciders({ watchNamespaces, namespace }: OperatorDeps['config']): {
  readonly namespaces?: readonly string[];
} {
  return watchNamespaces.length === 0 ? {} : { namespaces: [...new Set([...watchNamespaces, namespace])] };
}

function readinessOf({ apiVersion, kind, metadata, status }: Pod): Pod {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return { apiVersion, kind, metadata, status: { conditions: ready === undefined ? [] : [ready] } };
}

/** Policies that may win or lose a tier by this change. */
function rivalsOf({ before, after }: CacheChange<ApiKeyPolicy>, catalogue: PolicyCatalogue): readonly ObjectKey[] {
  const [from, to] = [claimOf(before), claimOf(after)];
  if (from === to) return [];
  const tiers = [before?.spec.tier, after?.spec.tier].flatMap((tier) => (tier === undefined ? [] : [tier]));
  return [...new Set(tiers)].flatMap((tier) => catalogue.keysOfTier(tier));
}

/** Empty for one that claims no tier. */
function claimOf(policy: ApiKeyPolicy | undefined): string {
  const isGone = policy === undefined || policy.metadata.deletionTimestamp !== undefined;
  return isGone || policy.spec.tier === undefined ? '' : `${policy.metadata.uid} ${policy.spec.tier}`;
}

function referrersOf({ before, after, key }: CacheChange<KubeObject>, policies: Cache<ApiKeyPolicy>) {
  if (before !== undefined && after !== undefined) return [];
  return policies
    .list()
    .filter(({ spec, metadata }) => spec.feedRefs?.some(({ name }) => `${metadata.namespace}/${name}` === key) === true)
    .map(keyOf);
}

function hasReadinessChanged({ before, after }: CacheChange<Pod>): boolean {
  const [was, is] = [before, after].map((pod) => pod !== undefined && isReadyDecider(pod));
  return was !== is;
}

/** Keeps the documents in Valkey as long as the controller lives; Valkey that goes or is back concerns every policy. */
function watchDocuments(keeper: DocumentKeeper, everyPolicy: () => readonly ObjectKey[]): ControllerSource {
  return {
    synced: true,
    subscribe(enqueue) {
      keeper.start();
      const end = keeper.onFaultChange(() => {
        for (const key of everyPolicy()) enqueue(key, { resetsBackoff: true });
      });
      return () => {
        end();
        void keeper.stop();
      };
    },
  };
}
