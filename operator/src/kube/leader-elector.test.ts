import { createFakeClock, silentLogger, type FakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { FrozenProcess } from '../../test/kube/frozen-process.ts';
import { LeaseServer } from '../../test/kube/lease-server.ts';
import { TimedFence } from './fence.ts';
import { LeaderElector } from './leader-elector.ts';
import { LEASE_TYPE } from './lease.ts';

const HOUR_MS = 3_600_000;

function stand(clock: FakeClock, server: LeaseServer, identity: string, skewMs = 0) {
  const process = new FrozenProcess(clock, skewMs);
  const fence = new TimedFence(process.clock);
  const told: string[] = [];
  const elector = new LeaderElector({
    client: server.client((answer) => process.receive(answer)),
    namespace: 'weir',
    name: 'weir-operator',
    identity,
    fence,
    clock: process.clock,
    logger: silentLogger,
    random: () => 0.5,
    onElected: () => told.push('elected'),
    onLost: (reason) => told.push(`lost: ${reason}`),
  });
  return { elector, fence, told, process };
}

function open() {
  const clock = createFakeClock();
  const server = new LeaseServer(clock);
  return { clock, server, stand: (identity: string, skewMs?: number) => stand(clock, server, identity, skewMs) };
}

async function steal(server: LeaseServer): Promise<void> {
  const { lease } = server;
  if (lease === undefined) throw new Error('there is no Lease');
  await server.client().replace(LEASE_TYPE, { ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } });
}

describe('a leader elector', () => {
  it('creates the Lease, leads, and renews it about every two seconds with six decimals', async () => {
    const { clock, server, stand: standAs } = open();
    const { elector, fence, told } = standAs('a');
    await clock.advance(0);
    expect({ told, isLeader: elector.isLeader, isOpen: fence.isLeader }).toEqual({
      told: ['elected'],
      isLeader: true,
      isOpen: true,
    });
    expect(server.lease?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await clock.advance(22_000);
    // A renewal is one call.
    expect([server.writes, server.reads]).toEqual([11, 1]);
    expect(server.lease?.spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:22.000000Z',
      leaseTransitions: 0,
    });
    expect(told).toEqual(['elected']);
  });

  it('lets nobody else lead while the Lease is renewed', async () => {
    const { clock, stand: standAs } = open();
    standAs('a');
    await clock.advance(100);
    const second = standAs('b');
    await clock.advance(HOUR_MS);
    expect([second.told, second.elector.holder]).toEqual([[], 'a']);
  });

  it('gives the Lease back on a stop, so that the next one leads within a retry', async () => {
    const { clock, server, stand: standAs } = open();
    const first = standAs('a');
    await clock.advance(100);
    const second = standAs('b');
    await clock.advance(100);
    await first.elector.stop();
    expect(first.fence.isLeader).toBe(false);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await clock.advance(2_400);
    expect(second.told).toEqual(['elected']);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    expect(first.told).toEqual(['elected']);
  });

  it('takes over 15 s after it saw the last renewal of one that died', async () => {
    const { clock, stand: standAs } = open();
    const first = standAs('a');
    await clock.advance(100);
    const second = standAs('b');
    await clock.advance(10_000);
    first.process.freeze();
    await clock.advance(13_000);
    expect(second.told).toEqual([]);
    await clock.advance(4_500);
    expect(second.told).toEqual(['elected']);
  });

  it.each([-HOUR_MS, HOUR_MS])('is not fooled by a date that is wrong by %i ms', async (skewMs) => {
    const { clock, stand: standAs } = open();
    const first = standAs('a', skewMs);
    await clock.advance(100);
    const second = standAs('b');
    await clock.advance(HOUR_MS);
    expect(second.told).toEqual([]);
    first.process.freeze();
    await clock.advance(18_000);
    expect(second.told).toEqual(['elected']);
  });

  it('closes the fence of a frozen leader by the time alone, before anything is heard', async () => {
    const { clock, stand: standAs } = open();
    const first = standAs('a');
    await clock.advance(5_000);
    const second = standAs('b');
    await clock.advance(100);
    first.process.freeze();
    await clock.advance(9_999);
    expect(second.told).toEqual([]);
    await clock.advance(20_000);
    expect(second.elector.isLeader).toBe(true);
    expect(first.fence.isLeader).toBe(false);
    expect(() => first.fence.check()).toThrow('does not lead');
    first.process.thaw();
    await clock.advance(0);
    expect(first.told).toEqual(['elected', 'lost: the Lease was not renewed in time']);
    expect(first.elector.fault).toBeUndefined();
  });

  it('loses leadership ten seconds after the last renewal when the server is away, and tries no more', async () => {
    const { clock, server, stand: standAs } = open();
    const { fence, told } = standAs('a');
    await clock.advance(100);
    server.isAway = true;
    await clock.advance(9_800);
    expect(fence.isLeader).toBe(true);
    await clock.advance(200);
    expect(told).toEqual(['elected', 'lost: the Lease was not renewed in time']);
    server.isAway = false;
    await clock.advance(60_000);
    expect([fence.isLeader, server.writes, clock.pendingTimers]).toEqual([false, 1, 0]);
  });

  it('goes on leading when the server is away for less', async () => {
    const { clock, server, stand: standAs } = open();
    const { told, fence } = standAs('a');
    await clock.advance(100);
    server.isAway = true;
    await clock.advance(7_000);
    server.isAway = false;
    await clock.advance(60_000);
    expect([told, fence.isLeader]).toEqual([['elected'], true]);
  });

  it('goes on when its renewals arrive and only the answers are lost for a while', async () => {
    const { clock, server, stand: standAs } = open();
    const { told } = standAs('a');
    await clock.advance(100);
    server.losesAnswers = true;
    await clock.advance(5_000);
    server.losesAnswers = false;
    await clock.advance(60_000);
    expect(told).toEqual(['elected']);
  });

  it('does not give back what somebody else holds by now', async () => {
    const { clock, server, stand: standAs } = open();
    const { elector } = standAs('a');
    await clock.advance(100);
    await steal(server);
    await elector.stop();
    expect(server.lease?.spec?.holderIdentity).toBe('thief');
  });

  it('stops leading at once when somebody else holds the Lease', async () => {
    const { clock, server, stand: standAs } = open();
    const { told, fence } = standAs('a');
    await clock.advance(100);
    await steal(server);
    await clock.advance(2_400);
    expect([told, fence.isLeader]).toEqual([['elected', 'lost: thief holds the Lease'], false]);
  });

  it('does not lead on an answer that took longer than the Lease may be trusted', async () => {
    const { clock, server, stand: standAs } = open();
    server.latencyMs = 12_000;
    const { told } = standAs('a');
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('counts from the begin of a renewal, since the others may have seen it right after that', async () => {
    const { clock, server, stand: standAs } = open();
    // Read at 4 s, written from then on, answered at 8 s; the next renewal would be answered at 14.2 s.
    server.latencyMs = 4_000;
    const { told, fence } = standAs('a');
    await clock.advance(13_999);
    expect([told, fence.isLeader]).toEqual([['elected'], true]);
    await clock.advance(1);
    expect([told.length, fence.isLeader]).toEqual([2, false]);
  });

  it('stops while a call hangs, without leading afterwards, and leaves no timer', async () => {
    const { clock, server, stand: standAs } = open();
    server.latencyMs = 1_000;
    const { elector, told } = standAs('a');
    await clock.advance(700);
    const stopped = elector.stop();
    await clock.advance(10_000);
    await stopped;
    expect([told, elector.isLeader, clock.pendingTimers]).toEqual([[], false, 0]);
  });

  it('says that it hangs when it has not looked at the Lease for a minute', async () => {
    const { clock, stand: standAs } = open();
    standAs('a');
    await clock.advance(100);
    const second = standAs('b');
    await clock.advance(30_000);
    expect(second.elector.fault).toBeUndefined();
    second.process.freeze();
    await clock.advance(65_000);
    expect(second.elector.fault).toContain('for a minute');
  });
});
