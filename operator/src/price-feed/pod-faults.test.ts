import { expect, test } from 'vitest';
import { findWorkloadFault, type Deployment, type Pod } from './pod-faults.ts';

const pod = (status: Pod['status'], deletionTimestamp?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'weir', ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
  ...(status !== undefined && { status }),
});
const waiting = (reason: string) => pod({ containerStatuses: [{ image: 'weir:1', state: { waiting: { reason } } }] });
const ended = (restartCount: number, message: string, ready = false) =>
  pod({ containerStatuses: [{ ready, restartCount, lastState: { terminated: { exitCode: 1, message } } }] });
const failing = (message: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  status: { conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }] },
});
const unschedulable = pod({
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }],
});

test.each<[what: string, pods: readonly Pod[], reason: string | undefined]>([
  ['an image that is not there', [waiting('ErrImagePull')], 'ImagePullError'],
  ['the same between two attempts', [waiting('ImagePullBackOff')], 'ImagePullError'],
  ['a missing Secret', [waiting('CreateContainerConfigError')], 'SecretMissing'],
  ['no node with room', [unschedulable], 'Unschedulable'],
  ['a second restart', [ended(2, 'Error: boom')], 'CrashLoop'],
  ['a login that Valkey refuses', [ended(2, 'VALKEY_REFUSED WRONGPASS invalid')], 'ValkeyAuthFailed'],
  ['a first restart', [ended(1, 'Error: boom')], undefined],
  ['a pod that runs again', [ended(9, 'Error: boom', true)], undefined],
  ['a pod that is being created', [waiting('ContainerCreating')], undefined],
  ['a pod without a status', [pod(undefined)], undefined],
  ['a pod that is going', [pod({ containerStatuses: [{ restartCount: 9 }] }, '2026-01-01T00:00:00Z')], undefined],
  ['a pod without a node before one without an image', [unschedulable, waiting('ErrImagePull')], 'ImagePullError'],
  ['a good pod before a bad one', [pod({}), waiting('ErrImagePull')], 'ImagePullError'],
])('%s', (_what, pods, reason) => {
  expect(findWorkloadFault(undefined, pods)?.reason).toBe(reason);
});

test('pods that cannot be created are told from the Deployment, in words that stay the same', () => {
  const quota = (name: string) => `pods "${name}" is forbidden: exceeded quota: q, requested: pods=1`;
  expect(findWorkloadFault(failing(quota('a')), [])?.reason).toBe('QuotaExceeded');
  expect(findWorkloadFault(failing(quota('a')), [])).toEqual(findWorkloadFault(failing(quota('b')), []));
  expect(findWorkloadFault(failing('pods "a" is forbidden: violates PodSecurity'), [])?.reason).toBe('ApplyRejected');
});
