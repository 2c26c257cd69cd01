/**
 * The status of a PriceFeed from what was observed. Pure; what has not changed keeps its instants, so that an equal
 * status is an equal text and is not written again.
 */
import type { PriceFeedStatus } from '@weir/crds';
import { setCondition, type Condition, type ConditionUpdate } from '../kube/index.ts';
import { replicasOf } from './desired.ts';
import type { FeedVerdict, LostAssets } from './feed-catalogue.ts';
import type { FeedReport, ShownSource } from './feed-report.ts';
import type { PublishOutcome } from './gather.ts';
import {
  isRolledOut,
  isStuck,
  judgeClaims,
  judgeDocument,
  judgePrices,
  judgeQuotas,
  judgeWorkload,
  type Judgement,
} from './judge-feed.ts';
import type { Deployment, WorkloadFault } from './pod-faults.ts';
import { selectorText, type PriceFeed } from './price-feed.ts';
import type { QuotaConflict } from './quota-claims.ts';
import type { Reason } from './reasons.ts';

export interface StatusInputs {
  readonly feed: PriceFeed;
  readonly verdict: FeedVerdict;
  readonly quotaConflicts: readonly QuotaConflict[];
  readonly trustedNamespaces: readonly string[];
  readonly deployment: Deployment | undefined;
  /** What the API server turned down. */
  readonly childFault: WorkloadFault | undefined;
  /** What keeps pods from running. */
  readonly podFault: WorkloadFault | undefined;
  readonly outcome: PublishOutcome;
  readonly report: FeedReport | undefined;
  /** Whether the active pod goes by the document that was published last. */
  readonly hasApplied: boolean;
  readonly now: Date;
}

/** Theirs are the conditions in this list; those of others in the same status are left alone. */
export const CONDITION_TYPES = [
  'Ready',
  'Reconciling',
  'Stalled',
  'WorkloadAvailable',
  'ValkeyConfigured',
  'DataFresh',
  'Suspended',
  'Conflicted',
  'QuotaConflict',
] as const;

type ConditionType = (typeof CONDITION_TYPES)[number];

/** Only somebody can put these right. */
const STALLING: ReadonlySet<Reason> = new Set([
  'NotAllowed',
  'InvalidSpec',
  'Conflicted',
  'ApplyRejected',
  'NameTaken',
  'QuotaExceeded',
  'RolloutStuck',
  'ImagePullError',
  'CrashLoop',
  'ValkeyAuthFailed',
  'ValkeyRefused',
]);

/** These lead to Ready without anybody's doing. */
const RECONCILING: ReadonlySet<Reason> = new Set([
  'RolloutInProgress',
  'AwaitingPrices',
  'ValkeyUnreachable',
  'Unschedulable',
  'SecretMissing',
]);

export function statusOf(inputs: StatusInputs): PriceFeedStatus {
  const { feed, deployment, report, verdict } = inputs;
  const isRunning = idleReason(inputs) === undefined;
  const shown = isRunning ? report : undefined;
  const sources = sourcesOf(feed, shown?.sources ?? [], inputs.now);
  return {
    observedGeneration: feed.metadata.generation ?? 0,
    replicas: deployment?.status?.replicas ?? 0,
    readyReplicas: deployment?.status?.readyReplicas ?? 0,
    selector: selectorText(feed.metadata.name),
    ...(shown?.active !== undefined && { active: shown.active }),
    assets: { total: ownedOf(verdict), fresh: Math.min(shown?.fresh ?? 0, ownedOf(verdict)) },
    ...(sources.length > 0 && { sources }),
    conditions: conditionsOf(inputs),
  };
}

const ownedOf = (verdict: FeedVerdict): number => ('owned' in verdict ? verdict.owned : 0);

const lostOf = (verdict: FeedVerdict): LostAssets => ('lost' in verdict ? verdict.lost : new Map());

/** Why there is nothing to run; `undefined` for a feed that is to run. */
function idleReason({ feed, verdict, trustedNamespaces }: StatusInputs): Omit<Judgement, 'status'> | undefined {
  switch (verdict.kind) {
    case 'untrusted': {
      const namespaces = trustedNamespaces.join(', ');
      const message =
        `Feeds publish from trusted namespaces alone (${namespaces}); ` +
        'create it in one of them, or add this one to WEIR_TRUSTED_NAMESPACES of the operator.';
      return { reason: 'NotAllowed', message };
    }
    case 'conflicted':
      return { reason: 'Conflicted', message: judgeClaims(feed, verdict.lost, 0).message };
    case 'invalid':
    case 'published':
      break;
  }
  if (feed.spec.suspend) return { reason: 'Suspended', message: 'spec.suspend is true: nothing is priced.' };
  if (replicasOf({ feed, hasWork: true }) > 0) return undefined;
  return { reason: 'ScaledToZero', message: 'spec.replicas is 0: nothing is priced.' };
}

function conditionsOf(inputs: StatusInputs): readonly Condition[] {
  const { feed, now } = inputs;
  const before = feed.status?.conditions ?? [];
  const own = before.filter(({ type }) => CONDITION_TYPES.some((each) => each === type));
  const updates = judgeAll(inputs);
  const observedGeneration = feed.metadata.generation ?? 0;
  return CONDITION_TYPES.reduce<readonly Condition[]>((list, type) => {
    const update: ConditionUpdate = { type, observedGeneration, ...updates[type] };
    return setCondition(list, update, now);
  }, sorted(own));
}

function judgeAll(inputs: StatusInputs): Readonly<Record<ConditionType, Judgement>> {
  const { feed, verdict, deployment, podFault, outcome, report } = inputs;
  const idle = idleReason(inputs);
  const generation = feed.metadata.generation ?? 0;
  const said = (type: ConditionType) => feed.status?.conditions?.find((each) => each.type === type);
  const idleJudgement: Judgement | undefined = idle && { status: 'False', ...idle };
  const document = documentJudgement(verdict, idleJudgement, () =>
    judgeDocument(outcome, said('ValkeyConfigured'), generation),
  );
  const workload = idleJudgement ?? judgeWorkload(deployment, inputs.childFault ?? podFault);
  const prices = idleJudgement ?? judgePrices(report, document, said('DataFresh'));
  const ready = judgeReady(inputs, { idle: idleJudgement, document, workload, prices });
  return {
    Ready: ready,
    Reconciling: reconciling(inputs, ready, idle !== undefined),
    Stalled: stalled(ready),
    WorkloadAvailable: workload,
    ValkeyConfigured: document,
    DataFresh: prices,
    Suspended: feed.spec.suspend
      ? { status: 'True', reason: 'Suspended', message: 'spec.suspend is true.' }
      : { status: 'False', reason: 'NotSuspended', message: 'spec.suspend is false.' },
    Conflicted: judgeClaims(feed, lostOf(verdict), ownedOf(verdict)),
    QuotaConflict: judgeQuotas(inputs.quotaConflicts),
  };
}

/** A suspended feed has its document all the same: it says so. */
function documentJudgement(verdict: FeedVerdict, idle: Judgement | undefined, judge: () => Judgement): Judgement {
  switch (verdict.kind) {
    case 'untrusted':
    case 'conflicted':
      return idle ?? judge();
    case 'invalid':
      return { status: 'False', ...invalid(verdict.faults) };
    case 'published':
      return judge();
  }
}

function invalid(faults: readonly string[]): Omit<Judgement, 'status'> {
  return { reason: 'InvalidSpec', message: `The last valid document stays in force. ${faults.join('. ')}.` };
}

interface Parts {
  readonly idle: Judgement | undefined;
  readonly document: Judgement;
  readonly workload: Judgement;
  readonly prices: Judgement;
}

/** The first thing that is not as it should be. */
function judgeReady(inputs: StatusInputs, { idle, document, workload, prices }: Parts): Judgement {
  const { verdict, deployment, childFault, podFault, hasApplied } = inputs;
  if (verdict.kind === 'invalid') return { status: 'False', ...invalid(verdict.faults) };
  if (idle !== undefined) return idle;
  if (childFault !== undefined) return { status: 'False', ...childFault };
  if (document.status !== 'True') return document;
  if (deployment === undefined || workload.status !== 'True') return stuckOr(deployment, workload);
  if (!isRolledOut(deployment)) {
    const message = 'Pods of the current version are not all available yet.';
    return stuckOr(deployment, { status: 'False', reason: 'RolloutInProgress', message, ...podFault });
  }
  if (prices.status !== 'True') return { ...prices, status: 'False' };
  if (!hasApplied) {
    const message = 'The active pod does not go by the current document yet.';
    return { status: 'False', reason: 'RolloutInProgress', message };
  }
  return { status: 'True', reason: 'AllReady', message: 'Pods are available and prices are fresh.' };
}

/** What is known of the pods says more than that they have taken too long. */
function stuckOr(deployment: Deployment | undefined, judgement: Judgement): Judgement {
  if (judgement.reason !== 'RolloutInProgress' || deployment === undefined || !isStuck(deployment)) return judgement;
  const message = 'The pods did not become available in time; see their events and logs.';
  return { status: 'False', reason: 'RolloutStuck', message };
}

function reconciling({ feed, deployment }: StatusInputs, ready: Judgement, isIdle: boolean): Judgement {
  if (ready.status !== 'True' && RECONCILING.has(ready.reason)) return { ...ready, status: 'True' };
  const isShort = !isIdle && (deployment?.status?.availableReplicas ?? 0) < replicasOf({ feed, hasWork: true });
  if (isShort && ready.status === 'True') {
    return { status: 'True', reason: 'RolloutInProgress', message: 'Not all replicas are available.' };
  }
  return { status: 'False', reason: 'UpToDate', message: 'There is nothing to wait for.' };
}

function stalled(ready: Judgement): Judgement {
  if (ready.status !== 'True' && STALLING.has(ready.reason)) return { ...ready, status: 'True' };
  return { status: 'False', reason: 'NotStalled', message: 'Nothing needs to be put right by hand.' };
}

/** In the order of `CONDITION_TYPES`, which is how a new object gets them. */
function sorted(conditions: readonly Condition[]): readonly Condition[] {
  return CONDITION_TYPES.flatMap((type) => conditions.find((each) => each.type === type) ?? []);
}

function sourcesOf({ spec, status }: PriceFeed, shown: readonly ShownSource[], now: Date) {
  const declared = new Set(spec.sources.map(({ name }) => name));
  return shown
    .filter(({ name }) => declared.has(name))
    .map(({ name, state, reason }) => {
      const before = status?.sources?.find((each) => each.name === name);
      const hasFlipped = before?.state !== state || before.lastTransitionTime === undefined;
      const lastTransitionTime = hasFlipped ? now.toISOString().replace(/\.\d+Z$/, 'Z') : before.lastTransitionTime;
      return { name, state, reason, lastTransitionTime };
    });
}
