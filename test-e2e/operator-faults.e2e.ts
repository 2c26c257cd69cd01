/** The operator is killed, frozen and cut off from the API server: what it has begun is finished, once, by one of them. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activeKeysOf } from './harness/postgres.ts';
import { namespace } from './harness/cluster.ts';
import { documentsSeq, isPublished } from './harness/documents.ts';
import { always, eventually } from './harness/eventually.ts';
import { apply, find, get, kubectl, list, remove, tryKubectl, type KubeObject } from './harness/kubectl.ts';
import { startLoad } from './harness/load.ts';
import { killApiServer, signalPod } from './harness/node.ts';
import { leader, leadingPod, operatorPods, scaleOperator } from './harness/operator.ts';
import { isReady } from './harness/pods.ts';
import { ask } from './harness/price-client.ts';
import { keySecretOf, policyWithKey, whenTrue, type ApiKeyPolicy } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `e2e-${prefix}-${index + 1}`);

const removeAll = async (policies: readonly string[]): Promise<void> => {
  await kubectl('delete', 'akp', ...policies, '--ignore-not-found', '--timeout=120s');
};

describe('an operator that is killed while it reconciles', () => {
  const policies = names('killed', 12);

  afterAll(() => removeAll(policies));

  it('finishes everything when it is back, and has issued nothing twice', async () => {
    const pod = await leadingPod();
    await apply(...policies.map((name) => policyWithKey({ name }, { requestsPerSecond: 5, burst: 5 })));
    await eventually(async () => {
      const written = await list<KubeObject>('secrets', '--selector', 'weir.dev/policy');
      expect(written.some(({ metadata }) => metadata.name.startsWith('e2e-killed'))).toBe(true);
    }, 20_000);
    await signalPod(pod.metadata.uid, 'KILL');
    for (const name of policies) {
      const { status } = await whenTrue<ApiKeyPolicy>('akp', { name });
      expect(status?.keys).toMatchObject({ active: 1, invalid: 0 });
    }
    const texts = await Promise.all(policies.map((name) => secretText(keySecretOf(name), 'key')));
    expect(new Set(texts).size).toBe(policies.length);
    for (const name of policies) expect(await activeKeysOf(namespace, name), name).toHaveLength(1);
    for (const key of texts) expect((await ask({ path: '/price?asset=BTC', key })).status).toBe(200);
    const [after] = await operatorPods();
    expect(after?.status.containerStatuses?.[0]?.restartCount).toBeGreaterThan(
      pod.status.containerStatuses?.[0]?.restartCount ?? 0,
    );
  });
});

describe('two operators', () => {
  const policies = names('frozen', 8);
  const gone = policies.slice(0, 4);
  let frozen: string | undefined;

  beforeEach(() => scaleOperator(2));

  afterEach(async () => {
    if (frozen !== undefined) await signalPod(frozen, 'CONT').catch(() => undefined);
    await removeAll(policies);
    await scaleOperator(1);
  });

  it('have one writer: a leader that was frozen writes nothing when it wakes up', async () => {
    const old = await leadingPod();
    await apply(...policies.map((name) => policyWithKey({ name }, { requestsPerSecond: 5, burst: 5 })));
    frozen = old.metadata.uid;
    await signalPod(frozen, 'STOP');
    await eventually(async () => expect(await leader()).not.toContain(old.metadata.name), 60_000);
    const taken = await leader();
    for (const name of policies) await whenTrue('akp', { name });
    await removeAll(gone);
    await eventually(async () => {
      for (const name of gone) expect(await isPublished('policies', name)).toBe(false);
    });
    const seq = await documentsSeq('policies');
    const kept = await list<KubeObject>('akp');
    await signalPod(frozen, 'CONT');
    await always(async () => {
      expect(await leader()).toBe(taken);
      expect(await documentsSeq('policies')).toBe(seq);
      for (const name of gone) expect(await find('secret', keySecretOf(name))).toBeUndefined();
    }, 15_000);
    const versions = (all: readonly KubeObject[]): object =>
      Object.fromEntries(all.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    expect(versions(await list<KubeObject>('akp'))).toEqual(versions(kept));
    for (const name of gone) expect(await activeKeysOf(namespace, name), name).toEqual([]);
    await eventually(async () => expect((await operatorPods()).filter(isReady)).toHaveLength(2), 60_000);
  });

  it('hand over at once when the leader is stopped as Kubernetes stops it', async () => {
    const old = await leadingPod();
    await kubectl('delete', 'pod', old.metadata.name, '--wait=false');
    // Released, not run out: a Lease that is left behind is held for 15 s.
    await eventually(async () => {
      const holder = await leader();
      expect(holder).not.toBe('');
      expect(holder).not.toContain(old.metadata.name);
    }, 12_000);
  });
});

describe('an API server that is killed', () => {
  const name = 'e2e-api-server';

  afterAll(() => remove('akp', name));

  it('is missed by no caller, and what is declared after it is back comes into force', async () => {
    await apply(policyWithKey({ name }, {}));
    await whenTrue('akp', { name });
    const key = await secretText(keySecretOf(name), 'key');
    const load = startLoad({ key, path: '/price?asset=BTC', requestsPerSecond: 20, connections: 4 });
    await killApiServer();
    await eventually(async () => expect((await tryKubectl(['get', '--raw', '/readyz'])).status).not.toBe(0), 20_000);
    await eventually(async () => expect((await tryKubectl(['get', '--raw', '/readyz'])).status).toBe(0), 120_000);
    await eventually(() => apply(policyWithKey({ name }, { requestsPerSecond: 50, burst: 70 })));
    const { metadata } = await whenTrue<ApiKeyPolicy>('akp', { name }, 'Enforced');
    expect(metadata.generation).toBe(2);
    const { headers } = await ask({ path: '/price?asset=BTC', key });
    expect(headers['ratelimit-policy']).toContain('q=70');
    const report = await load.stop();
    console.log(
      `while the API server was away and came back: ${report.sent} calls, ${JSON.stringify(report.failures)}`,
    );
    expect(report.failures).toEqual({});
    await eventually(async () => {
      await get('pf', 'majors');
      expect((await operatorPods()).every(isReady)).toBe(true);
    });
  });
});
