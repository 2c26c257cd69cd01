/**
 * Brings the children of a feed about: applies what differs, deletes what is not to be, leaves the rest alone. Nothing
 * is sent for a child that is as desired already.
 */
import type { Clock } from '@weir/clock';
import {
  isKubeError,
  keyOf,
  type EventRecorder,
  type KubeClient,
  type KubeError,
  type KubeObject,
  type ObjectKey,
} from '../kube/index.ts';
import { MANAGER } from '../weir-resources.ts';
import { hasController, ownerOfChild, type ChildOwner } from './child-ownership.ts';
import { desiredHashOf, type ChildObject } from './desired-child.ts';
import type { DesiredChildren } from './desired.ts';
import { readSecret, type Observed } from './gather.ts';
import { matchesDesired, projectDesired } from './matches-desired.ts';
import type { Deployment, WorkloadFault } from './pod-faults.ts';
import { CHILD_KINDS, CHILD_TYPES, type ChildKind, type PriceFeed } from './price-feed.ts';

export interface AppliedChildren {
  /** As it is now, which the watch may not have told yet. */
  readonly deployment: Deployment | undefined;
  /** The first thing that the API server turned down. */
  readonly fault: WorkloadFault | undefined;
  /** Whether something has to go first before it can be made anew. */
  readonly isWaiting: boolean;
}

export interface ChildApplierOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly onApplied: (kind: ChildKind) => void;
}

export interface ChildApplier {
  apply(observed: Observed, desired: DesiredChildren, signal: AbortSignal): Promise<AppliedChildren>;
  forget(key: ObjectKey): void;
}

/** What became of one child. */
interface Outcome {
  readonly live?: KubeObject | undefined;
  readonly fault?: WorkloadFault;
  readonly isWaiting?: boolean;
}

type Sent =
  | { readonly kind: 'applied'; readonly applied: KubeObject }
  | { readonly kind: 'exists'; readonly live: KubeObject };

/** What is remembered of a child that was applied, or turned down. */
interface Memory {
  readonly hash: string;
  /** Of the object that is this feed's, whatever somebody has taken off it since. */
  readonly uid?: string | undefined;
  /** What the server has made of it. */
  readonly projection?: string;
  readonly rejection?: { readonly fault: WorkloadFault; readonly atMs: number };
}

/** A Secret, which is not watched, is looked at with every resync, but not with every event of a busy moment. */
const SECRET_MS = 1_000;
/** What was turned down is tried again after this time, as quotas and rules of a namespace change unseen. */
const REJECTED_MS = 60_000;
/**
 * The version of etcd's empty store, which no object has: an apply with it is turned down with 409 when the object is
 * there, whoever's it may be, and makes it when it is not. Only so nothing is taken over: an apply without a version
 * does that in silence with every object that has no field in conflict. A POST would say as much, but its fields belong
 * to another operation for good, and no later apply removes them.
 */
const VERSION_OF_NONE = '1';

class Applier implements ChildApplier {
  readonly #options: ChildApplierOptions;
  readonly #memories = new Map<ObjectKey, Map<ChildKind, Memory>>();
  readonly #secretsReadMs = new Map<ObjectKey, number>();
  /** Feeds of which no Secret is left. */
  readonly #withoutSecret = new Set<ObjectKey>();

  constructor(options: ChildApplierOptions) {
    this.#options = options;
  }

  forget(key: ObjectKey): void {
    this.#memories.delete(key);
    this.#secretsReadMs.delete(key);
    this.#withoutSecret.delete(key);
  }

  async apply(observed: Observed, desired: DesiredChildren, signal: AbortSignal): Promise<AppliedChildren> {
    const { feed, children } = observed;
    const kinds = CHILD_KINDS.filter((kind) => kind !== 'Deployment' && kind !== 'Secret');
    const outcomes = await Promise.all([
      this.#bringSecret(observed, desired.Secret, signal),
      ...kinds.map((kind) => this.#bring(kind, feed, desired[kind], children[kind as 'ConfigMap'], signal)),
    ]);
    // Pods come after what they need.
    const deployment = await this.#bring('Deployment', feed, desired.Deployment, children.Deployment, signal);
    const all = [deployment, ...outcomes];
    return {
      deployment: deployment.live,
      fault: all.find(({ fault }) => fault !== undefined)?.fault,
      isWaiting: all.some(({ isWaiting }) => isWaiting === true),
    };
  }

  async #bringSecret({ feed, children, pods }: Observed, desired: ChildObject | undefined, signal: AbortSignal) {
    const key = keyOf(feed);
    if (desired === undefined) return this.#dropSecret(feed, signal);
    this.#withoutSecret.delete(key);
    const nowMs = this.#options.clock.monotonicMs();
    const memory = this.#memoryOf(key, 'Secret');
    const isDue = nowMs - (this.#secretsReadMs.get(key) ?? -Infinity) >= SECRET_MS;
    if (memory?.hash === desiredHashOf(desired) && !isDue) return {};
    this.#secretsReadMs.set(key, nowMs);
    const isNew = memory === undefined && children.Deployment === undefined && pods.length === 0;
    const live = isNew ? undefined : await readSecret(this.#options.kube, feed, signal);
    return this.#bring('Secret', feed, desired, live, signal);
  }

  /** Once: with the login of Valkey in it, it is not left behind because nothing else is left that points at it. */
  async #dropSecret(feed: PriceFeed, signal: AbortSignal): Promise<Outcome> {
    const key = keyOf(feed);
    if (this.#withoutSecret.has(key)) return {};
    const live = await readSecret(this.#options.kube, feed, signal);
    const outcome = await this.#bring('Secret', feed, undefined, live, signal);
    this.#withoutSecret.add(key);
    return outcome;
  }

  async #bring(
    kind: ChildKind,
    feed: PriceFeed,
    ...[desired, live, signal]: [ChildObject | undefined, KubeObject | undefined, AbortSignal]
  ): Promise<Outcome> {
    if (desired === undefined) {
      if (live !== undefined && this.#ownerOf(kind, live, feed) === 'own') await this.#delete(kind, live, signal);
      return {};
    }
    if (live !== undefined) {
      const owner = this.#ownerOf(kind, live, feed);
      if (owner === 'foreign') return { live: undefined, fault: nameTaken(kind, live) };
      // It has to go before there can be another of its name.
      if (owner === 'former' || live.metadata.deletionTimestamp !== undefined) return { live, isWaiting: true };
      this.#noteOwn(kind, live, feed);
    }
    const memory = this.#memoryOf(keyOf(feed), kind);
    if (live !== undefined && isAsDesired(desired, live, memory)) return { live };
    const rejection = memory?.hash === desiredHashOf(desired) ? memory.rejection : undefined;
    if (rejection !== undefined && this.#options.clock.monotonicMs() - rejection.atMs < REJECTED_MS) {
      return { live, fault: rejection.fault };
    }
    return this.#applyChild(kind, feed, desired, live, signal);
  }

  async #applyChild(
    kind: ChildKind,
    feed: PriceFeed,
    ...[desired, live, signal]: [ChildObject, KubeObject | undefined, AbortSignal]
  ): Promise<Outcome> {
    const hash = desiredHashOf(desired);
    const { clock, onApplied } = this.#options;
    try {
      const sent = await this.#send(kind, desired, { isNew: live === undefined, signal });
      // What the watch does not show may be there all the same.
      if (sent.kind === 'exists') return await this.#bring(kind, feed, desired, sent.live, signal);
      const { applied } = sent;
      onApplied(kind);
      this.#tellRestored(kind, feed, desired);
      const projection = JSON.stringify(projectDesired(desired, applied));
      this.#remember(keyOf(feed), kind, { hash, uid: applied.metadata.uid, projection });
      return { live: applied };
    } catch (err) {
      const fault = rejectionOf(kind, err);
      if (fault === undefined) throw err;
      const uid = this.#memoryOf(keyOf(feed), kind)?.uid;
      this.#remember(keyOf(feed), kind, { hash, uid, rejection: { fault, atMs: clock.monotonicMs() } });
      return { live, fault };
    }
  }

  /** One that is not known is made, never taken over. */
  async #send(
    kind: ChildKind,
    desired: ChildObject,
    { isNew, signal }: { readonly isNew: boolean; readonly signal: AbortSignal },
  ): Promise<Sent> {
    const { kube } = this.#options;
    const type = CHILD_TYPES[kind];
    const { name, namespace = '' } = desired.metadata;
    const apply = async (object: ChildObject, force: boolean): Promise<Sent> => {
      return { kind: 'applied', applied: await kube.apply(type, object, { fieldManager: MANAGER, force, signal }) };
    };
    if (!isNew) return apply(desired, true);
    try {
      const metadata = { ...desired.metadata, resourceVersion: VERSION_OF_NONE };
      return await apply({ ...desired, metadata }, false);
    } catch (err) {
      if (!isKubeError(err) || !(err.kind === 'conflict' || err.kind === 'rejected')) throw err;
      const live = await kube.get(type, { namespace, name }, { signal });
      if (live !== undefined) return { kind: 'exists', live };
      if (err.kind === 'rejected') throw err;
      // Gone meanwhile, or a server that makes nothing of a version: there is nothing to take over.
      return apply(desired, false);
    }
  }

  #noteOwn(kind: ChildKind, { metadata: { uid } }: KubeObject, feed: PriceFeed): void {
    const memory = this.#memoryOf(keyOf(feed), kind);
    if (uid !== memory?.uid) this.#remember(keyOf(feed), kind, { hash: '', ...memory, uid });
  }

  #ownerOf(kind: ChildKind, live: KubeObject, feed: PriceFeed): ChildOwner {
    const known = this.#memoryOf(keyOf(feed), kind)?.uid;
    const owner = ownerOfChild(live, feed);
    const isStripped = owner === 'foreign' && !hasController(live);
    return isStripped && known !== undefined && known === live.metadata.uid ? 'own' : owner;
  }

  async #delete(kind: ChildKind, { metadata }: KubeObject, signal: AbortSignal): Promise<void> {
    const { name, namespace = '', uid } = metadata;
    if (metadata.deletionTimestamp !== undefined) return;
    await this.#options.kube.delete(
      CHILD_TYPES[kind],
      { namespace, name },
      { ...(uid !== undefined && { uid }), signal },
    );
  }

  /** It was there, as desired, and then was not: somebody has changed or deleted it. */
  #tellRestored(kind: ChildKind, feed: PriceFeed, desired: ChildObject): void {
    const memory = this.#memoryOf(keyOf(feed), kind);
    if (memory?.projection === undefined || memory.hash !== desiredHashOf(desired)) return;
    const note = `${kind} ${desired.metadata.name} had been changed or deleted and was put right.`;
    this.#options.events.record({ regarding: feed, type: 'Normal', reason: 'ChildRestored', action: 'Apply', note });
  }

  #memoryOf(key: ObjectKey, kind: ChildKind): Memory | undefined {
    return this.#memories.get(key)?.get(kind);
  }

  #remember(key: ObjectKey, kind: ChildKind, memory: Memory): void {
    const known = this.#memories.get(key);
    if (known === undefined) this.#memories.set(key, new Map([[kind, memory]]));
    else known.set(kind, memory);
  }
}

export function createChildApplier(options: ChildApplierOptions): ChildApplier {
  return new Applier(options);
}

/** What is no longer desired shows in the annotation with the hash, which is a member as any other. */
function isAsDesired(desired: ChildObject, live: KubeObject, memory: Memory | undefined): boolean {
  if (matchesDesired(desired, live)) return true;
  return memory?.hash === desiredHashOf(desired) && memory.projection === JSON.stringify(projectDesired(desired, live));
}

function nameTaken(kind: ChildKind, { metadata }: KubeObject): WorkloadFault {
  const message = `${kind} ${metadata.name} exists and belongs to something else; rename the PriceFeed or remove it.`;
  return { reason: 'NameTaken', message };
}

/** `undefined` for what another attempt may cure. */
function rejectionOf(kind: ChildKind, err: unknown): WorkloadFault | undefined {
  if (!isKubeError(err) || isTerminating(err)) return undefined;
  if (err.kind === 'forbidden' && err.message.includes('exceeded quota')) {
    return { reason: 'QuotaExceeded', message: `${kind}: ${err.message}` };
  }
  if (err.kind !== 'rejected' && err.kind !== 'forbidden') return undefined;
  return { reason: 'ApplyRejected', message: `The API server refuses the ${kind}: ${err.message}` };
}

/** Nothing can be made in a namespace that is going. */
export function isTerminating(err: KubeError): boolean {
  return err.kind === 'forbidden' && err.message.includes('being terminated');
}
