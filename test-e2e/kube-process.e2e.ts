/** The operator's process against a real API server: it leads, gives the Lease back, and ends when it can lead no more. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadKubeConfig } from '../operator/src/kube/index.ts';
import { LEASE_TYPE, type Lease } from '../operator/src/kube/lease.ts';
import { FaultyApi } from '../operator/test/kube/faulty-api.ts';
import { createNamespace, openKube, type OpenKube, type OwnNamespace } from '../operator/test/kube/real-cluster.ts';
import { startOperatorProcess, type OperatorProcess } from '../operator/test/start-operator-process.ts';
import { always, eventually } from './harness/eventually.ts';

let direct: OpenKube;
let own: OwnNamespace;
let api: FaultyApi;
beforeAll(async () => {
  const config = loadKubeConfig(inject('cluster').kubeconfig);
  direct = openKube(config);
  own = await createNamespace(direct, 'process');
  api = await FaultyApi.start(config);
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

/** Looks after its own namespace alone. */
const start = (): Promise<OperatorProcess> =>
  startOperatorProcess(api.url, { WEIR_OPERATOR_NAMESPACE: own.name, WEIR_WATCH_NAMESPACES: own.name });

const holder = async (): Promise<string | undefined> => {
  const lease = await direct.client.get<Lease>(LEASE_TYPE, { namespace: own.name, name: 'weir-operator' });
  return lease?.spec?.holderIdentity;
};

const leads = (operator: OperatorProcess): Promise<void> =>
  eventually(async () => {
    expect((await operator.ask('/readyz')).status).toBe(200);
    expect((await operator.ask('/metrics')).body).toContain('leader_election_master_status{name="weir-operator"} 1');
  });

describe('the process', () => {
  it('leads, writes nothing but its Lease while there is nothing to do, and gives it back', async () => {
    using operator = await start();
    await leads(operator);
    expect(await holder()).toMatch(/^operator-0_[0-9a-f]{16}$/);
    api.told();
    const writes = /^(POST|PUT|PATCH|DELETE) (?!.*\/leases\/weir-operator)/;
    await always(async () => expect(api.told(writes)).toEqual([]), 5_000);
    operator.stop();
    expect(await operator.exited).toEqual([0, null]);
    expect(await holder()).toBe('');
  });

  it('ends with status 1 when it cannot renew its Lease, and not before its time', async () => {
    using operator = await start();
    await leads(operator);
    api.isAway = true;
    api.cutWatches();
    await always(async () => expect((await operator.ask('/livez')).status).toBe(200), 5_000);
    expect(await operator.exited).toEqual([1, null]);
    expect(operator.lines.join('\n')).toContain('leadership was lost');
    api.isAway = false;
    expect(await holder()).toMatch(/^operator-0_/);
  });
});
