/** How many policies and keys there are, by how they are. Read from the cache, so what is deleted is not counted on. */
import type { Telemetry } from '@weir/telemetry';
import type { Cache } from '../kube/index.ts';
import type { ApiKeyPolicy } from './policy.ts';

const MODES = ['Enforce', 'DryRun'] as const;
const KEY_STATES = ['active', 'expired', 'invalid'] as const;

export function registerPolicyGauges(telemetry: Pick<Telemetry, 'gauge'>, policies: Cache<ApiKeyPolicy>): void {
  telemetry.gauge(
    'weir.operator.policies',
    { description: 'ApiKeyPolicies by mode, and whether every ready decider applies them', unit: '{policy}' },
    () =>
      MODES.flatMap((mode) =>
        [true, false].map((isEnforced) => ({
          value: policies.list().filter((each) => each.spec.mode === mode && isInForce(each) === isEnforced).length,
          attributes: { mode, enforced: String(isEnforced) },
        })),
      ),
  );
  telemetry.gauge(
    'weir.operator.policy_keys',
    { description: 'Keys that ApiKeyPolicies issue or take from Secrets, by state', unit: '{key}' },
    () =>
      KEY_STATES.map((state) => ({
        value: policies.list().reduce((sum, { status }) => sum + (status?.keys?.[state] ?? 0), 0),
        attributes: { state },
      })),
  );
}

function isInForce({ status, metadata }: ApiKeyPolicy): boolean {
  const enforced = status?.conditions?.find(({ type }) => type === 'Enforced');
  return enforced?.status === 'True' && enforced.observedGeneration === metadata.generation;
}
