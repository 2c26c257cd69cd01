/** What keeps the pods of a feed from running, told from their own status and that of the Deployment. Pure. */
import type { KubeObject } from '../kube/index.ts';
import type { Reason } from './reasons.ts';

interface ContainerStatus {
  readonly image?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: { readonly exitCode?: number; readonly message?: string } };
}

interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly StatusCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly StatusCondition[];
  };
}

export interface WorkloadFault {
  readonly reason: Reason;
  readonly message: string;
}

const IMAGE_REASONS = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull']);
const CONFIG_REASONS = new Set(['CreateContainerConfigError']);
/** What somebody has to put right comes before what may pass; one order, so that the status does not change its mind. */
const GRAVITY: readonly Reason[] = [
  'ValkeyAuthFailed',
  'CrashLoop',
  'ImagePullError',
  'SecretMissing',
  'Unschedulable',
];
/** A single restart is no loop. */
const RESTARTS = 2;
const AUTH_WORDS = /\b(WRONGPASS|NOAUTH|NOPERM)\b/;

/** The gravest one. What passes by itself, such as a pod that is being created, is none. */
export function findWorkloadFault(deployment: Deployment | undefined, pods: readonly Pod[]): WorkloadFault | undefined {
  const faults = pods.map(faultOfPod).filter((fault) => fault !== undefined);
  const [gravest] = faults.toSorted((a, b) => GRAVITY.indexOf(a.reason) - GRAVITY.indexOf(b.reason));
  return findCreationFault(deployment) ?? gravest;
}

/** Pods that cannot even be created: a quota, or a rule of the namespace. */
function findCreationFault(deployment: Deployment | undefined): WorkloadFault | undefined {
  const failure = deployment?.status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  if (failure === undefined) return undefined;
  const words = failure.message ?? 'pods cannot be created';
  if (words.includes('exceeded quota')) return { reason: 'QuotaExceeded', message: withoutPodNames(words) };
  return { reason: 'ApplyRejected', message: withoutPodNames(words) };
}

/** Each attempt names another pod, and a message that changes all the time would be written all the time. */
const withoutPodNames = (text: string): string => text.replace(/pods "[^"]*"/g, 'pods');

function findFirst<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function faultOfPod({ metadata, status = {} }: Pod): WorkloadFault | undefined {
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    // The scheduler's own words differ from one attempt to the next.
    return { reason: 'Unschedulable', message: 'A pod finds no node that fits; its events say why.' };
  }
  return findFirst(status.containerStatuses ?? [], faultOfContainer);
}

function faultOfContainer(container: ContainerStatus): WorkloadFault | undefined {
  const { image = '', ready = false, restartCount = 0, state, lastState } = container;
  const waiting = state?.waiting?.reason ?? '';
  if (IMAGE_REASONS.has(waiting)) {
    return {
      reason: 'ImagePullError',
      message: `Image ${image} cannot be fetched; check its name and the pull secrets.`,
    };
  }
  if (CONFIG_REASONS.has(waiting)) {
    return { reason: 'SecretMissing', message: 'A pod lacks its Secret or ConfigMap, which is being put back.' };
  }
  if (ready || restartCount < RESTARTS) return undefined;
  const { exitCode, message = '' } = lastState?.terminated ?? {};
  const [word] = AUTH_WORDS.exec(message) ?? [];
  if (word !== undefined) {
    return {
      reason: 'ValkeyAuthFailed',
      message: `Valkey turns the feed's login down (${word}); check the ACL user of feeds.`,
    };
  }
  const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`;
  return { reason: 'CrashLoop', message: `A pod ends again and again${code}; see its log.` };
}
