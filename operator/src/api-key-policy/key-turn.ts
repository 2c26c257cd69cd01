/** The Secrets of a policy's keys in one turn of its reconcile: read, and written where a text is wanting. */
import { createKeyText } from '@weir/keys';
import type { PolicyDocument, PolicyKey } from '@weir/wire';
import { isKubeError, type KubeError, type KubeErrorKind } from '../kube/index.ts';
import type { OperatorDeps } from '../operator-deps.ts';
import { SECRET } from '../weir-resources.ts';
import { newKeySecret, readKeySecret, rotatedKeySecret, type KeySecret } from './key-secret.ts';
import { planKey, type KeyPlan } from './plan-key.ts';
import type { ApiKeyPolicy, KeyEntry, Secret } from './policy.ts';

export interface KeyTurnOptions {
  readonly deps: Pick<OperatorDeps, 'kube' | 'config'>;
  readonly policy: ApiKeyPolicy;
  /** What the policy compiles to. */
  readonly document: PolicyDocument;
  /** The one instant of the turn, in wall time. */
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** One key and its Secret. */
export interface TurnKey {
  readonly key: PolicyKey;
  readonly object: Secret | undefined;
  readonly secret: KeySecret | undefined;
  readonly plan: KeyPlan;
  /** Why the Secret could not be read or written. */
  readonly fault?: KubeError;
  /** What we did to the Secret. */
  readonly written?: 'created' | 'rotated';
}

const SECRETS_AT_ONCE = 5;

export class KeyTurn {
  readonly #options: KeyTurnOptions;

  constructor(options: KeyTurnOptions) {
    this.#options = options;
  }

  read(): Promise<readonly TurnKey[]> {
    return inBatches(this.#options.document.keys, (key) => this.#read(key));
  }

  /** Creates what is wanting and rotates what is due; a key of which nothing was written stays the same object. */
  write(keys: readonly TurnKey[]): Promise<readonly TurnKey[]> {
    return inBatches(keys, (key) => this.#write(key));
  }

  async #read(key: PolicyKey): Promise<TurnKey> {
    try {
      return this.#planned(key, await this.#get(key));
    } catch (err) {
      return { key, object: undefined, secret: undefined, plan: { kind: 'wait' }, fault: tolerable(err) };
    }
  }

  async #write(known: TurnKey): Promise<TurnKey> {
    const { plan, object } = known;
    try {
      if (plan.kind === 'create') return await this.#create(known.key);
      if (plan.kind !== 'take' || plan.rotatesUntilMs === undefined || object === undefined) return known;
      return await this.#rotate(known.key, object, plan.rotatesUntilMs);
    } catch (err) {
      return { ...known, fault: tolerable(err) };
    }
  }

  async #create(key: PolicyKey): Promise<TurnKey> {
    const { deps, policy, nowMs, signal } = this.#options;
    const text = createKeyText(deps.config.keyMode);
    try {
      const object = newKeySecret(policy, this.#entryOf(key), { text, nowMs });
      return { ...this.#planned(key, await deps.kube.create(SECRET, object, { signal })), written: 'created' };
    } catch (err) {
      if (!isKubeError(err, 'exists')) throw err;
      // Somebody was faster: what is there counts.
      return this.#planned(key, await this.#get(key));
    }
  }

  async #rotate(key: PolicyKey, object: Secret, previousUntilMs: number): Promise<TurnKey> {
    const { deps, nowMs, signal } = this.#options;
    const text = createKeyText(deps.config.keyMode);
    // With the resource version that was read: what somebody has written meanwhile is not overwritten.
    const next = rotatedKeySecret(object, this.#entryOf(key), { text, nowMs, previousUntilMs });
    return { ...this.#planned(key, await deps.kube.replace(SECRET, next, { signal })), written: 'rotated' };
  }

  #get({ secretName }: PolicyKey): Promise<Secret | undefined> {
    const { deps, policy, signal } = this.#options;
    return deps.kube.get<Secret>(SECRET, { namespace: policy.metadata.namespace ?? '', name: secretName }, { signal });
  }

  #planned(key: PolicyKey, object: Secret | undefined): TurnKey {
    const { policy, nowMs } = this.#options;
    const secret = object && readKeySecret(object, policy);
    return { key, object, secret, plan: planKey(key, secret, nowMs) };
  }

  #entryOf(key: PolicyKey): KeyEntry {
    const entry = this.#options.policy.spec.keys.find(({ name }) => name === key.name);
    if (entry === undefined) throw new TypeError('a compiled policy has a key that its resource has not');
    return entry;
  }
}

/** A conflict is no fault of the Secret: somebody has just written it, and the turn is repeated at once. */
const CONCERN_THE_TURN: readonly KubeErrorKind[] = ['fenced', 'aborted', 'unauthorized', 'throttled', 'conflict'];

/** Why one Secret could not be read or written; what concerns the whole turn is thrown on. */
function tolerable(err: unknown): KubeError {
  if (isKubeError(err) && !CONCERN_THE_TURN.includes(err.kind)) return err;
  throw err;
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += SECRETS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + SECRETS_AT_ONCE).map(work))));
  }
  return results;
}
