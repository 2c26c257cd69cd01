/** One turn for one ApiKeyPolicy: publishes it, settles its keys, and says how it stands. */
import type { DocumentKeeper } from '../documents/index.ts';
import {
  dropFinalizer,
  isKubeError,
  keyOf,
  nameOf,
  type Cache,
  type KubeObject,
  type ObjectKey,
  type Reconcile,
  type ReconcileResult,
} from '../kube/index.ts';
import type { OperatorDeps } from '../operator-deps.ts';
import { API_KEY_POLICY, FINALIZER, MANAGER, STATUS_MANAGER } from '../weir-resources.ts';
import { unknownFor, type ProofWaiter } from './await-proof.ts';
import { cleanUp, GIVE_UP_MS } from './clean-up.ts';
import { isInForce, type Proof } from './judge-enforcement.ts';
import { KeyLooks } from './key-looks.ts';
import type { KeyReport } from './key-report.ts';
import type { OrphanSweep } from './orphan-sweep.ts';
import type { PolicyCatalogue } from './policy-catalogue.ts';
import { conditionEvents, keyEvents, type PolicyEvent } from './policy-events.ts';
import { isSameStatus, statusOf, statusOfCleanup } from './policy-status.ts';
import type { ApiKeyPolicy, PolicyStatus } from './policy.ts';
import { settleKeys } from './settle-keys.ts';

export interface PolicyReconcilerOptions {
  readonly deps: OperatorDeps;
  readonly policies: Cache<ApiKeyPolicy>;
  readonly feeds: Cache<KubeObject>;
  readonly catalogue: PolicyCatalogue;
  readonly keeper: DocumentKeeper;
  readonly proofs: ProofWaiter;
  readonly orphans: OrphanSweep;
}

/** Between two questions to the deciders that have not proved it yet. */
const PROOF_MS = 500;
const CLEANUP_RETRY_MS = 2_000;
const NO_KEYS: KeyReport = { keys: [], withdrawn: [] };

export function createPolicyReconcile(options: PolicyReconcilerOptions): Reconcile {
  const reconciler = new PolicyReconciler(options);
  return (key, { signal }) => reconciler.reconcile(key, signal);
}

class PolicyReconciler {
  readonly #options: PolicyReconcilerOptions;
  readonly #looks: KeyLooks;
  /** Since when stores have kept a policy from being deleted, by our own clock: that of the API server may be another. */
  readonly #cleanupsSince = new Map<ObjectKey, number>();

  constructor(options: PolicyReconcilerOptions) {
    this.#options = options;
    this.#looks = new KeyLooks(options.deps.clock);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const policy = this.#options.policies.get(key);
    if (policy === undefined) return this.#forget(key, signal);
    if (policy.metadata.deletionTimestamp !== undefined) return this.#finalize(key, policy, signal);
    await this.#keepFinalizer(policy, signal);
    return this.#bringAbout(key, policy, signal);
  }

  async #bringAbout(key: ObjectKey, policy: ApiKeyPolicy, signal: AbortSignal): Promise<ReconcileResult> {
    const { deps, catalogue, keeper, proofs } = this.#options;
    const verdict = catalogue.verdictOf(policy);
    const revision = catalogue.revisionOf(policy);
    // The document first: limits must not wait for Secrets or for Postgres.
    const published = await proofs.proofOf(key, policy, revision, () => keeper.publish(key));
    const document = catalogue.documentOf(policy);
    // A tier that the policy may not bind must not stand in the records of its keys.
    const tier = (verdict.kind === 'accepted' ? policy.spec.tier : undefined) ?? policy.metadata.name;
    const tag = `${policy.metadata.uid} ${policy.metadata.generation} ${tier}`;
    const { report: keys, nextAtMs } = await this.#looks.look(key, tag, this.#countKeys(), () =>
      document === undefined ? Promise.resolve(NO_KEYS) : settleKeys(deps, { policy, document, tier, signal }),
    );
    const proof: Proof = keys.cacheFault === undefined ? published : unknownFor(keys.cacheFault);
    const status = statusOf({
      policy,
      verdict,
      trustedNamespaces: deps.config.trustedNamespaces,
      revision,
      missingFeeds: this.#missingFeeds(policy),
      keys,
      ...(verdict.kind === 'accepted' && { proof }),
      now: new Date(deps.clock.nowMs()),
    });
    this.#tell(policy, [...keyEvents(keys), ...conditionEvents(policy.status, status)]);
    await this.#writeStatus(policy, status, signal);
    const waits = [
      ...(verdict.kind === 'accepted' && isAwaited(proof) ? [PROOF_MS] : []),
      ...(nextAtMs === undefined ? [] : [Math.max(0, nextAtMs - deps.clock.nowMs())]),
    ];
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }

  #countKeys(): number {
    return this.#options.policies.list().reduce((sum, { spec }) => sum + spec.keys.length, 0);
  }

  #missingFeeds({ spec, metadata }: ApiKeyPolicy): readonly string[] {
    const refs = spec.feedRefs ?? [];
    const { feeds } = this.#options;
    return refs.map(({ name }) => name).filter((name) => feeds.get(`${metadata.namespace}/${name}`) === undefined);
  }

  /** Before anything is made that outlives the object. */
  async #keepFinalizer(policy: ApiKeyPolicy, signal: AbortSignal): Promise<void> {
    if (policy.metadata.finalizers?.includes(FINALIZER) === true) return;
    const { kube } = this.#options.deps;
    const object = { ...identityOf(policy), metadata: { ...identityOf(policy).metadata, finalizers: [FINALIZER] } };
    await kube.apply(API_KEY_POLICY, object, { fieldManager: MANAGER, signal });
  }

  async #finalize(key: ObjectKey, policy: ApiKeyPolicy, signal: AbortSignal): Promise<ReconcileResult> {
    const { deps, keeper, orphans } = this.#options;
    this.#forgetState(key);
    if (policy.metadata.finalizers?.includes(FINALIZER) !== true) return {};
    const outcome = await cleanUp(deps, keeper, key);
    const nowMs = deps.clock.nowMs();
    const sinceMs = this.#cleanupsSince.get(key) ?? nowMs;
    if (outcome.kind === 'waiting' && nowMs - sinceMs < GIVE_UP_MS) {
      this.#cleanupsSince.set(key, sinceMs);
      const status = statusOfCleanup(policy, outcome.problem, new Date(nowMs));
      await this.#writeStatus(policy, status, signal);
      return { requeueAfterMs: CLEANUP_RETRY_MS };
    }
    if (outcome.kind === 'done') {
      orphans.markClean(key);
      this.#tell(policy, keyEvents(outcome.report));
    } else this.#tell(policy, [givenUp(outcome.problem)]);
    this.#cleanupsSince.delete(key);
    await dropFinalizer(deps.kube, API_KEY_POLICY, policy, { finalizer: FINALIZER, signal });
    return {};
  }

  /** There is no such policy here; before its keys are taken away, the API server is asked once more. */
  async #forget(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { deps, keeper, orphans } = this.#options;
    this.#forgetState(key);
    if ((await deps.kube.get(API_KEY_POLICY, nameOf(key), { signal })) !== undefined) return {};
    const outcome = await cleanUp(deps, keeper, key);
    // What could not be done now is found again by the sweep, and by the keeper of the documents.
    if (outcome.kind === 'done') orphans.markClean(key);
    else deps.logger.debug({ key, problem: outcome.problem }, 'a policy that is gone could not be cleaned up behind');
    return {};
  }

  #forgetState(key: ObjectKey): void {
    this.#options.proofs.forget(key);
    this.#looks.forget(key);
  }

  async #writeStatus(policy: ApiKeyPolicy, status: PolicyStatus, signal: AbortSignal): Promise<void> {
    if (isSameStatus(policy.status, status)) return;
    const { kube } = this.#options.deps;
    const object = { ...identityOf(policy), status };
    await kube.applyStatus(API_KEY_POLICY, object, { fieldManager: STATUS_MANAGER, signal }).catch(ignoreMissing);
  }

  #tell(policy: ApiKeyPolicy, events: readonly PolicyEvent[]): void {
    for (const event of events) this.#options.deps.events.record({ regarding: policy, ...event });
  }
}

/** Valkey tells when it is back, and the watch of pods when there is a decider; only those that lag have to be asked. */
function isAwaited(proof: Proof): boolean {
  return proof.kind === 'known' && proof.applied.size > 0 && !isInForce(proof);
}

/** With the uid: an object that was deleted meanwhile is not made again. */
function identityOf(policy: ApiKeyPolicy): KubeObject {
  const { namespace, name } = nameOf(keyOf(policy));
  const { uid } = policy.metadata;
  const { apiVersion, kind } = API_KEY_POLICY;
  return { apiVersion, kind, metadata: { namespace, name, ...(uid !== undefined && { uid }) } };
}

/** The object went meanwhile, or another one has its name. */
function ignoreMissing(err: unknown): void {
  if (!isKubeError(err, 'notFound') && !isKubeError(err, 'conflict')) throw err;
}

function givenUp(problem: string): PolicyEvent {
  const note =
    `Deleted without waiting longer for its stores: ${problem} Its keys are refused as soon as its document is gone, ` +
    'and withdrawn as soon as the stores answer.';
  return { type: 'Warning', reason: 'CleanupGivenUp', action: 'Delete', note };
}
