/** Leadership by a Lease of a real API server: one writer at a time, whatever happens to the one that leads. */
import { sleep, systemClock } from '@weir/clock';
import { silentLogger } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isKubeError, LeaderElector, loadKubeConfig, type KubeObject } from '../operator/src/kube/index.ts';
import { LEASE_TYPE, type Lease } from '../operator/src/kube/lease.ts';
import { FaultyApi } from '../operator/test/kube/faulty-api.ts';
import { FrozenProcess } from '../operator/test/kube/frozen-process.ts';
import {
  CONFIG_MAP,
  configMap,
  createNamespace,
  openKube,
  type ConfigMap,
  type OpenKube,
  type OwnNamespace,
} from '../operator/test/kube/real-cluster.ts';
import { eventually } from './harness/eventually.ts';

let direct: OpenKube;
let own: OwnNamespace;
beforeAll(async () => {
  direct = openKube(loadKubeConfig(inject('cluster').kubeconfig));
  own = await createNamespace(direct, 'election');
});
afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

const leaseOf = (name: string): Promise<Lease | undefined> =>
  direct.client.get<Lease>(LEASE_TYPE, { namespace: own.name, name });

/** A process of an operator: it stands, and while it leads it writes its name again and again. */
function startProcess(name: string, identity: string, config = loadKubeConfig(inject('cluster').kubeconfig)) {
  const process = new FrozenProcess(systemClock);
  const kube = openKube(config, [], process.clock);
  const { client, leaseClient, fence } = kube;
  fence.close();
  const told: string[] = [];
  const refused: string[] = [];
  const ended = new AbortController();
  const hold = <T>(answer: Promise<T>): Promise<T> => process.receive(answer);
  const write = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const target = configMap(own.name, `${name}-writer`, { writer: identity });
      await hold(client.apply(CONFIG_MAP, target, { fieldManager: identity })).catch((err: unknown) => {
        refused.push(isKubeError(err) ? err.kind : String(err));
      });
      await sleep(process.clock, 100);
    }
  };
  const elector = new LeaderElector({
    client: {
      get: <T extends KubeObject>(...args: Parameters<typeof leaseClient.get>) => hold(leaseClient.get<T>(...args)),
      create: (type, object, options) => hold(leaseClient.create(type, object, options)),
      replace: (type, object, options) => hold(leaseClient.replace(type, object, options)),
    },
    namespace: own.name,
    name,
    identity,
    fence,
    clock: process.clock,
    logger: silentLogger,
    random: Math.random,
    onElected: () => {
      told.push('elected');
      void write();
    },
    onLost: (reason) => told.push(`lost: ${reason}`),
  });
  return {
    elector,
    fence,
    process,
    told,
    refused,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await elector.stop();
      await kube[Symbol.asyncDispose]();
    },
  };
}

const writerOf = async (name: string): Promise<string | undefined> =>
  (await direct.client.get<ConfigMap>(CONFIG_MAP, { namespace: own.name, name: `${name}-writer` }))?.data?.['writer'];

describe('an election', () => {
  it('writes times that the server takes and gives back (pitfall 15), and renews them', async () => {
    await using leader = startProcess('times', 'a');
    await eventually(async () => expect(leader.elector.isLeader).toBe(true));
    const first = await leaseOf('times');
    expect(first?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(first?.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await eventually(async () => {
      const { spec } = (await leaseOf('times')) ?? {};
      expect(Date.parse(spec?.renewTime ?? '')).toBeGreaterThan(Date.parse(first?.spec?.renewTime ?? ''));
      expect(spec?.acquireTime).toBe(first?.spec?.acquireTime);
    });
  });

  it('is over at once when the leader stops in good order', async () => {
    const first = startProcess('release', 'a');
    await eventually(async () => expect(first.elector.isLeader).toBe(true));
    await using second = startProcess('release', 'b');
    await eventually(async () => expect(second.elector.holder).toBe('a'));
    await first[Symbol.asyncDispose]();
    expect((await leaseOf('release'))?.spec?.holderIdentity).toBe('');
    await eventually(async () => expect(second.elector.isLeader).toBe(true), 5_000);
    expect((await leaseOf('release'))?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('has one writer, also when the leader freezes and wakes up after another has taken over', async () => {
    await using first = startProcess('frozen', 'a');
    await eventually(async () => expect(await writerOf('frozen')).toBe('a'));
    await using second = startProcess('frozen', 'b');
    await eventually(async () => expect(second.elector.holder).toBe('a'));
    first.process.freeze();
    const frozenMs = systemClock.monotonicMs();
    await eventually(async () => expect(second.elector.isLeader).toBe(true), 30_000);
    expect(systemClock.monotonicMs() - frozenMs).toBeLessThan(22_000);
    expect(first.fence.isLeader).toBe(false);
    await eventually(async () => expect(await writerOf('frozen')).toBe('b'));
    const { metadata } = await mustGet('frozen-writer');
    first.process.thaw();
    await eventually(async () => expect(first.refused).toContain('fenced'));
    await eventually(async () => expect(first.told.at(-1)).toContain('lost'));
    expect(new Set(first.refused)).toEqual(new Set(['fenced']));
    // Nothing of the first has arrived: the object is as the second left it.
    expect((await mustGet('frozen-writer')).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(second.told).toEqual(['elected']);
  });

  it('is lost within ten seconds by a leader that cannot reach the server, and not by a short interruption', async () => {
    await using api = await FaultyApi.start(loadKubeConfig(inject('cluster').kubeconfig));
    await using leader = startProcess('away', 'a', api.kubeConfig);
    await eventually(async () => expect(leader.elector.isLeader).toBe(true));
    api.isAway = true;
    await sleep(systemClock, 5_000);
    api.isAway = false;
    const before = (await leaseOf('away'))?.spec?.renewTime;
    await eventually(async () => expect((await leaseOf('away'))?.spec?.renewTime).not.toBe(before));
    expect(leader.told).toEqual(['elected']);
    api.isAway = true;
    await eventually(async () => expect(leader.told).toHaveLength(2), 11_000);
    expect([leader.told[1], leader.fence.isLeader]).toEqual(['lost: the Lease was not renewed in time', false]);
  });
});

async function mustGet(name: string): Promise<ConfigMap> {
  const found = await direct.client.get<ConfigMap>(CONFIG_MAP, { namespace: own.name, name });
  if (found === undefined) throw new Error(`there is no ConfigMap ${name}`);
  return found;
}
