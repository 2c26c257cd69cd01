/** What is wrong with a feed, by part: its workload, its document, its prices, its claims. Pure. */
import type { WeirError } from '@weir/errors';
import type { Condition } from '../kube/index.ts';
import type { LostAssets } from './feed-catalogue.ts';
import type { FeedReport } from './feed-report.ts';
import type { PublishOutcome } from './gather.ts';
import type { Deployment, WorkloadFault } from './pod-faults.ts';
import type { PriceFeed } from './price-feed.ts';
import type { QuotaConflict } from './quota-claims.ts';
import type { Reason } from './reasons.ts';

export interface Judgement {
  readonly status: Condition['status'];
  readonly reason: Reason;
  readonly message: string;
}

const BAD_PRICES = ['PricesAging', 'SourceUnavailable', 'NoReport'] as const;

const LOST_NAMED_MAX = 5;
const AUTH_WORDS = /^(NOPERM|NOAUTH|WRONGPASS)/;

/** Whether every pod is of the current version, and was available once since. */
export function isRolledOut({ metadata, status = {} }: Deployment): boolean {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  // It stays so when a pod is lost later on.
  return progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable';
}

export const isStuck = ({ status = {} }: Deployment): boolean =>
  status.conditions?.some(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded') ===
  true;

/** For a feed that is to run. */
export function judgeWorkload(deployment: Deployment | undefined, fault: WorkloadFault | undefined): Judgement {
  if ((deployment?.status?.availableReplicas ?? 0) > 0) {
    return { status: 'True', reason: 'WorkloadAvailable', message: 'At least one pod is available.' };
  }
  if (fault !== undefined) return { status: 'False', ...fault };
  return { status: 'False', reason: 'RolloutInProgress', message: 'No pod is available yet.' };
}

export function judgeDocument(outcome: PublishOutcome, before: Condition | undefined, generation: number): Judgement {
  const published: Judgement = {
    status: 'True',
    reason: 'DocumentPublished',
    message: 'The document of this feed is in Valkey.',
  };
  if (outcome.kind === 'published') return published;
  if (outcome.kind === 'absent') {
    return {
      status: 'False',
      reason: 'Conflicted',
      message: 'There is no document, since no asset belongs to this feed.',
    };
  }
  // An outage of seconds is no news of a document that was there.
  const wasPublished = before?.status === 'True' && before.observedGeneration === generation;
  if (outcome.kind === 'pending' && wasPublished) return published;
  return { status: 'False', ...describeError(outcome.error) };
}

function describeError({ code, detail }: WeirError): Omit<Judgement, 'status'> {
  if (code !== 'VALKEY_REFUSED') {
    return { reason: 'ValkeyUnreachable', message: 'Valkey does not answer; the last document stays in force.' };
  }
  const message = `Valkey refuses the operator's commands: ${detail}`;
  return { reason: AUTH_WORDS.test(detail) ? 'ValkeyAuthFailed' : 'ValkeyRefused', message };
}

/** For a feed that is to run. `before` is what was said last. */
export function judgePrices(
  report: FeedReport | undefined,
  document: Judgement,
  before: Condition | undefined,
): Judgement {
  if (document.status !== 'True') {
    return { status: 'Unknown', reason: document.reason, message: 'What feeds report cannot be read.' };
  }
  switch (report?.freshness) {
    case undefined:
    case 'awaiting':
      return judgeAwaiting(before);
    case 'fresh':
      return { status: 'True', reason: 'PricesFresh', message: 'At least 99 % of the assets have a fresh price.' };
    case 'aging': {
      const message = 'For 30 s fewer than 99 % of the assets have had a fresh price; see status.sources.';
      return { status: 'False', reason: 'PricesAging', message };
    }
    case 'silent':
      return { status: 'False', reason: 'NoReport', message: 'No pod of this feed has reported to Valkey for 10 s.' };
    case 'none':
      return { status: 'False', reason: 'SourceUnavailable', message: describeSources(report) };
  }
}

/** An operator that has just started takes over what the one before it had found out. */
function judgeAwaiting(before: Condition | undefined): Judgement {
  const reason = BAD_PRICES.find((each) => each === before?.reason);
  if (before?.status === 'False' && reason !== undefined) {
    return { status: 'False', reason, message: before.message };
  }
  return { status: 'Unknown', reason: 'AwaitingPrices', message: 'No pod has reported fresh prices yet.' };
}

function describeSources({ sources }: FeedReport): string {
  const states = sources.map(({ name, state, reason }) => `${name} ${state} (${reason})`);
  return `No asset has a fresh price. Sources: ${states.length === 0 ? 'none' : states.join(', ')}.`;
}

export function judgeClaims({ spec }: PriceFeed, lost: LostAssets, owned: number): Judgement {
  if (lost.size === 0) {
    return { status: 'False', reason: 'NoConflict', message: 'Every pair of this feed belongs to it.' };
  }
  const owners = [...lost].map(([owner, assets]) => {
    const named = assets.slice(0, LOST_NAMED_MAX).join(', ');
    const more = assets.length > LOST_NAMED_MAX ? ` and ${assets.length - LOST_NAMED_MAX} more` : '';
    return `${named}${more} in ${spec.quote} to PriceFeed ${owner}`;
  });
  const more = owners.length > LOST_NAMED_MAX ? `, and others to ${owners.length - LOST_NAMED_MAX} more feeds` : '';
  const message = `A pair belongs to the oldest feed that names it: ${owners.slice(0, LOST_NAMED_MAX).join(', ')}${more}.`;
  return { status: 'True', reason: owned === 0 ? 'Conflicted' : 'PartlyConflicted', message };
}

export function judgeQuotas(conflicts: readonly QuotaConflict[]): Judgement {
  if (conflicts.length === 0) {
    return {
      status: 'False',
      reason: 'NoQuotaConflict',
      message: 'No other feed has another quota for an exchange of this one.',
    };
  }
  const words = ({ points, durationMs, window }: QuotaConflict['own']): string =>
    `${points} in ${durationMs / 1_000}s (${window})`;
  const each = conflicts.map(
    ({ exchange, own, lowest, holder }) =>
      `${exchange}: ${words(lowest)} of PriceFeed ${holder} holds, here ${words(own)}`,
  );
  const message = `An exchange has one quota for all feeds, the lowest that one of them names; ${each.join('; ')}.`;
  return { status: 'True', reason: 'DifferentQuotas', message };
}
