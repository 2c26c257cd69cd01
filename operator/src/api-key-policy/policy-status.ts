/**
 * The status of an ApiKeyPolicy from what was observed. Pure; what has not changed keeps its instants, so that an equal
 * status is not written again.
 */
import { setCondition, type Condition, type ConditionUpdate } from '../kube/index.ts';
import { judgeEnforcement, type Proof } from './judge-enforcement.ts';
import { judgeRefs } from './judge-refs.ts';
import type { KeyReport } from './key-report.ts';
import type { ApiKeyPolicy, PolicyStatus } from './policy.ts';
import type { PolicyVerdict } from './policy-catalogue.ts';
import type { AcceptedReason, ReadyReason } from './reasons.ts';

export interface Judgement<R extends string> {
  readonly status: Condition['status'];
  readonly reason: R;
  readonly message: string;
}

export interface StatusInputs {
  readonly policy: ApiKeyPolicy;
  readonly verdict: PolicyVerdict;
  readonly trustedNamespaces: readonly string[];
  /** Of the document that is published; "" without one. */
  readonly revision: string;
  readonly missingFeeds: readonly string[];
  readonly keys: KeyReport;
  /** Absent while the policy is not accepted. */
  readonly proof?: Proof;
  readonly now: Date;
}

const CONDITION_TYPES = ['Accepted', 'ResolvedRefs', 'Enforced', 'Ready'] as const;
type ConditionType = (typeof CONDITION_TYPES)[number];

export function statusOf(inputs: StatusInputs): PolicyStatus {
  const { policy, revision } = inputs;
  const { generation = 0 } = policy.metadata;
  const keys = countKeys(inputs);
  return {
    observedGeneration: generation,
    ...(revision !== '' && { revision }),
    ...(keys !== undefined && { keys }),
    conditions: conditionsOf(inputs, generation),
  };
}

/** While Postgres is away nothing new is known of them. */
function countKeys({ policy, keys }: StatusInputs): PolicyStatus['keys'] {
  if (keys.postgresFault !== undefined) return policy.status?.keys;
  const count = (...kinds: readonly string[]): number =>
    keys.keys.filter(({ state }) => kinds.includes(state.kind)).length;
  return {
    active: count('active'),
    expired: count('expired'),
    invalid: count('malformed', 'conflicted', 'revoked'),
  };
}

function conditionsOf(inputs: StatusInputs, observedGeneration: number): readonly Condition[] {
  const judgements = judgeAll(inputs);
  const before = inputs.policy.status?.conditions ?? [];
  const kept = before.filter(({ type }) => judgements[type as ConditionType] !== undefined);
  return CONDITION_TYPES.reduce<readonly Condition[]>((list, type) => {
    const judgement = judgements[type];
    if (judgement === undefined) return list;
    const update: ConditionUpdate = { type, observedGeneration, ...judgement };
    return setCondition(list, update, inputs.now);
  }, kept);
}

function judgeAll(inputs: StatusInputs): Readonly<Partial<Record<ConditionType, Judgement<ReadyReason>>>> {
  const { policy, missingFeeds, keys, proof } = inputs;
  const accepted = judgeAccepted(inputs);
  const refs = judgeRefs(policy, missingFeeds, keys);
  // Of a policy that is not accepted nothing is said to be in force.
  const enforced = accepted.status === 'True' && proof !== undefined && judgeEnforcement(policy.spec, proof);
  const parts = enforced === false ? [accepted, refs] : [accepted, refs, enforced];
  return {
    Accepted: accepted,
    ResolvedRefs: refs,
    ...(enforced !== false && { Enforced: enforced }),
    Ready: judgeReady(parts),
  };
}

function judgeAccepted({ policy, verdict, trustedNamespaces }: StatusInputs): Judgement<AcceptedReason> {
  const tier = policy.spec.tier ?? '';
  const unbound = 'The policy rules the keys that it issues itself, and no others.';
  switch (verdict.kind) {
    case 'accepted': {
      const message = tier === '' ? 'The policy is valid.' : `The policy is valid and binds the tier ${tier}.`;
      return { status: 'True', reason: 'Accepted', message };
    }
    case 'notAllowed': {
      const fix = `create the policy in one of them (${trustedNamespaces.join(', ')}), or remove spec.tier`;
      return refused('NotAllowed', `Only policies in trusted namespaces may bind a tier: ${fix}. ${unbound}`);
    }
    case 'conflicted': {
      const fix = 'give one of them another tier, or delete one';
      return refused(
        'Conflicted',
        `The tier ${tier} is bound by ${verdict.winner}, which is older: ${fix}. ${unbound}`,
      );
    }
    case 'invalid':
      return refused('Invalid', `The last valid revision stays in force: ${verdict.problem}.`);
  }
}

const refused = (reason: AcceptedReason, message: string): Judgement<AcceptedReason> => ({
  status: 'False',
  reason,
  message,
});

function judgeReady(parts: readonly Judgement<ReadyReason>[]): Judgement<ReadyReason> {
  const [fault] = parts.filter(({ status }) => status !== 'True');
  if (fault === undefined) return { status: 'True', reason: 'AllReady', message: 'The policy is in force.' };
  return { ...fault, status: 'False' };
}

/** A status with everything as it was, but for what keeps the policy from being deleted. */
export function statusOfCleanup({ metadata, status }: ApiKeyPolicy, problem: string, now: Date): PolicyStatus {
  const { generation: observedGeneration = 0 } = metadata;
  const update: ConditionUpdate = {
    type: 'Ready',
    status: 'False',
    reason: 'CleanupPending' satisfies ReadyReason,
    message: problem,
    observedGeneration,
  };
  const before = (status?.conditions ?? []).filter(({ type }) => type !== 'Enforced');
  return { ...status, observedGeneration, conditions: setCondition(before, update, now) };
}

export function isSameStatus(a: PolicyStatus | undefined, b: PolicyStatus): boolean {
  return JSON.stringify(inOrder(a)) === JSON.stringify(inOrder(b));
}

/** The API server gives members in an order of its own. */
function inOrder(status: PolicyStatus | undefined): unknown {
  const { observedGeneration, revision, keys, conditions = [] } = status ?? {};
  const listed = conditions.map((each) => [
    each.type,
    each.status,
    each.reason,
    each.message,
    each.observedGeneration,
    each.lastTransitionTime,
  ]);
  return [observedGeneration, revision, keys?.active, keys?.expired, keys?.invalid, listed];
}
