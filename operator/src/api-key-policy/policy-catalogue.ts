/**
 * What all ApiKeyPolicies together come to: which of them binds which tier, and which documents there are to be. From
 * the cache alone, so that it is known in whole as soon as the cache is.
 */
import { createHash } from 'node:crypto';
import { compileApiKeyPolicy } from '@weir/crds';
import type { PolicyDocument } from '@weir/wire';
import type { WantedDocuments } from '../documents/index.ts';
import { keyOf, type Cache, type ObjectKey } from '../kube/index.ts';
import { bindTiers, judgeTier, type TierVerdict } from './bind-tier.ts';
import type { ApiKeyPolicy } from './policy.ts';

/** A policy that may not bind its tier still rules the keys that it issues itself. */
export type PolicyVerdict =
  | TierVerdict
  /** It cannot be compiled; what was published of it last stays in force. */
  | { readonly kind: 'invalid'; readonly problem: string };

type Compiled = { readonly document: PolicyDocument } | { readonly problem: string };

interface Text {
  readonly binds: boolean;
  readonly json: string;
}

export class PolicyCatalogue {
  readonly #policies: Cache<ApiKeyPolicy>;
  readonly #trusted: ReadonlySet<string>;
  readonly #compiled = new WeakMap<ApiKeyPolicy, Compiled>();
  readonly #texts = new WeakMap<ApiKeyPolicy, Text>();

  constructor(policies: Cache<ApiKeyPolicy>, trustedNamespaces: readonly string[]) {
    this.#policies = policies;
    this.#trusted = new Set(trustedNamespaces);
  }

  verdictOf(policy: ApiKeyPolicy): PolicyVerdict {
    return this.#judge(policy, this.#winners());
  }

  /** As deciders get it; `undefined` when it cannot be compiled. */
  documentOf(policy: ApiKeyPolicy): PolicyDocument | undefined {
    const compiled = this.#compile(policy);
    return 'problem' in compiled ? undefined : compiled.document;
  }

  /** Of the document that is wanted of the policy now; "" without one. */
  revisionOf(policy: ApiKeyPolicy): string {
    const json = this.#textOf(policy, this.verdictOf(policy));
    return json === undefined ? '' : createHash('sha256').update(json).digest('hex').slice(0, 12);
  }

  /** `undefined` before the cache is complete. A policy that is being deleted has no document any more. */
  documents(): WantedDocuments | undefined {
    if (!this.#policies.synced) return undefined;
    const winners = this.#winners();
    const texts = new Map<string, string>();
    const kept = new Set<string>();
    for (const policy of this.#policies.list()) {
      if (policy.metadata.deletionTimestamp !== undefined) continue;
      const json = this.#textOf(policy, this.#judge(policy, winners));
      if (json === undefined) kept.add(keyOf(policy));
      else texts.set(keyOf(policy), json);
    }
    return { texts, kept };
  }

  /** All policies that name the tier. */
  keysOfTier(tier: string): readonly ObjectKey[] {
    return this.#policies
      .list()
      .filter(({ spec }) => spec.tier === tier)
      .map(keyOf);
  }

  #winners(): ReadonlyMap<string, ObjectKey> {
    return bindTiers(this.#policies.list(), this.#trusted);
  }

  #judge(policy: ApiKeyPolicy, winners: ReadonlyMap<string, ObjectKey>): PolicyVerdict {
    const compiled = this.#compile(policy);
    if ('problem' in compiled) return { kind: 'invalid', problem: compiled.problem };
    return judgeTier(policy, winners, this.#trusted);
  }

  #compile(policy: ApiKeyPolicy): Compiled {
    const known = this.#compiled.get(policy) ?? compile(policy);
    this.#compiled.set(policy, known);
    return known;
  }

  #textOf(policy: ApiKeyPolicy, verdict: PolicyVerdict): string | undefined {
    const document = this.documentOf(policy);
    if (document === undefined) return undefined;
    const binds = verdict.kind === 'accepted';
    const known = this.#texts.get(policy);
    if (known?.binds === binds) return known.json;
    const { tier, ...rest } = document;
    const json = JSON.stringify(binds && tier !== undefined ? { ...rest, tier } : rest);
    this.#texts.set(policy, { binds, json });
    return json;
  }
}

function compile({ metadata, spec }: ApiKeyPolicy): Compiled {
  const { name, namespace = '' } = metadata;
  try {
    return { document: compileApiKeyPolicy({ metadata: { name, namespace }, spec }) };
  } catch (err) {
    return { problem: err instanceof Error ? err.message : String(err) };
  }
}
