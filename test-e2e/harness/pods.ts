/** Pods of the installation: which there are, whether they are ready, and that none was restarted. */
import { list, type KubeObject } from './kubectl.ts';

export interface Pod extends KubeObject {
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

/** By a label selector; those that are going are left out. */
export async function podsOf(selector: string): Promise<readonly Pod[]> {
  const pods = await list<Pod>('pods', '--selector', selector);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Pods that decide about keys over HTTP. */
export const DECIDERS = 'weir.dev/decider=price';

export const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') === true;

/** What changes when a pod is replaced or one of its containers starts again. */
export function livesOf(pods: readonly Pod[]): readonly string[] {
  return pods
    .map(({ metadata, status }) => {
      const restarts = status.containerStatuses?.map(({ restartCount }) => restartCount).join(',') ?? '';
      return `${metadata.name} ${metadata.uid} ${restarts}`;
    })
    .toSorted();
}
