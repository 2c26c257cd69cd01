/** Resources as somebody would write them, for tests that need their own. */
import { namespace } from './cluster.ts';
import { get, type WithConditions } from './kubectl.ts';
import { eventually } from './eventually.ts';

const apiVersion = 'weir.dev/v1alpha1';

export interface PriceFeed extends WithConditions {
  readonly status?: NonNullable<WithConditions['status']> & {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly active?: string;
    readonly assets?: { readonly total: number; readonly fresh: number };
  };
}

export interface ApiKeyPolicy extends WithConditions {
  readonly status?: NonNullable<WithConditions['status']> & {
    readonly revision?: string;
    readonly keys?: { readonly active: number; readonly expired: number; readonly invalid: number };
  };
}

export interface Named {
  readonly name: string;
  readonly namespace?: string;
}

interface FeedSpec {
  readonly assets: readonly string[];
  readonly quote?: string;
  readonly replicas?: number;
}

/** Both simulated exchanges, one pod. */
export function priceFeed(named: Named, spec: FeedSpec): object {
  const sources = ['coinbase', 'kraken'].map((exchange) => ({ name: exchange, exchange }));
  return { apiVersion, kind: 'PriceFeed', metadata: { namespace, ...named }, spec: { replicas: 1, sources, ...spec } };
}

/** With one key, in the Secret `<name>-key`. */
export function policyWithKey(named: Named, limits: object, spec: object = {}): object {
  const keys = [{ name: named.name, project: 'e2e', secretRef: { name: keySecretOf(named.name) } }];
  return { apiVersion, kind: 'ApiKeyPolicy', metadata: { namespace, ...named }, spec: { limits, keys, ...spec } };
}

export const keySecretOf = (policy: string): string => `${policy}-key`;

/** Resolves with the object once the condition holds for its newest generation. */
export function whenTrue<T extends WithConditions>(kind: 'pf' | 'akp', named: Named, type = 'Ready'): Promise<T> {
  return eventually(async () => {
    const object = await get<T>(kind, named.name, named.namespace);
    const condition = object.status?.conditions?.find((one) => one.type === type);
    const { generation } = object.metadata;
    if (condition?.status === 'True' && condition.observedGeneration === generation) return object;
    throw new Error(`${kind} ${named.name} is not ${type} for generation ${generation}: ${JSON.stringify(condition)}`);
  }, 120_000);
}
