/** The Lease by which one of several processes leads, and what to do about it (pure). */
import { microTime } from './micro-time.ts';
import type { KubeObject, ObjectMeta, ResourceType } from './resource.ts';

export const LEASE_TYPE: ResourceType = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface Candidate {
  readonly identity: string;
  readonly leaseDurationMs: number;
}

/** Equal texts mean that the holder has not said anything since. Its own clock plays no part, only that it ticks. */
export function recordOf({ spec = {} }: Lease): string {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = spec;
  return JSON.stringify([holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions]);
}

/** `unchangedMs`: for how long this process, by its own clock, has seen the record stay the same. */
export function isFree({ spec = {} }: Lease, unchangedMs: number, fallbackDurationMs: number): boolean {
  if (spec.holderIdentity === undefined || spec.holderIdentity === '') return true;
  const { leaseDurationSeconds } = spec;
  const durationMs = leaseDurationSeconds === undefined ? fallbackDurationMs : leaseDurationSeconds * 1e3;
  return unchangedMs >= durationMs;
}

export function firstLease(metadata: ObjectMeta, candidate: Candidate, nowMs: number): Lease {
  const { apiVersion, kind } = LEASE_TYPE;
  return {
    apiVersion,
    kind,
    metadata,
    spec: heldSpec({ ...candidate, nowMs, acquireTime: microTime(nowMs), transitions: 0 }),
  };
}

/** Renewed when it is the candidate's already, else taken over. */
export function heldLease(lease: Lease, candidate: Candidate, nowMs: number): Lease {
  const { spec = {} } = lease;
  const { leaseTransitions: transitions = 0 } = spec;
  const isOwn = spec.holderIdentity === candidate.identity;
  const acquireTime = isOwn ? (spec.acquireTime ?? microTime(nowMs)) : microTime(nowMs);
  return {
    ...lease,
    spec: heldSpec({ ...candidate, nowMs, acquireTime, transitions: isOwn ? transitions : transitions + 1 }),
  };
}

/** Free for anybody at once. */
export function releasedLease(lease: Lease, nowMs: number): Lease {
  const now = microTime(nowMs);
  const { leaseTransitions = 0 } = lease.spec ?? {};
  const spec = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now, leaseTransitions };
  return { ...lease, spec };
}

function heldSpec(
  held: Candidate & { nowMs: number; acquireTime: string; transitions: number },
): NonNullable<Lease['spec']> {
  return {
    holderIdentity: held.identity,
    leaseDurationSeconds: Math.round(held.leaseDurationMs / 1e3),
    acquireTime: held.acquireTime,
    renewTime: microTime(held.nowMs),
    leaseTransitions: held.transitions,
  };
}
