/** From nothing to a price: what kind:up has installed, and what a new feed and a new key take. */
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runCommand } from '../hack/kind/run-command.ts';
import { namespace, repository } from './harness/cluster.ts';
import { eventually } from './harness/eventually.ts';
import { helm } from './harness/helm.ts';
import { apply, get, kubectl, list, remove, tryKubectl, type KubeObject } from './harness/kubectl.ts';
import { isReady, livesOf, type Pod } from './harness/pods.ts';
import { ask } from './harness/price-client.ts';
import { keySecretOf, policyWithKey, priceFeed, whenTrue } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

/** Jobs of helm end; everything else runs. */
const running = async (): Promise<readonly Pod[]> =>
  (await list<Pod>('pods')).filter(({ status }) => status.phase !== 'Succeeded');

/** As somebody types it; answers what it printed. */
const kindUp = (): Promise<string> => {
  const cluster = inject('cluster').node.replace(/-control-plane$/, '');
  return runCommand(process.execPath, [path.join(repository, 'hack/kind-up.ts'), '--name', cluster], {
    cwd: repository,
    timeoutMs: 600_000,
  });
};

/** Whatever a test before has left behind is put right first. */
beforeAll(kindUp, 600_000);

describe('kind:up', () => {
  it('prints a line that asks for a price and gets one', async () => {
    const line = (await kindUp()).split('\n').find((one) => one.trimStart().startsWith('curl '));
    expect(line).toBeDefined();
    const {
      price,
      status,
      age_ms: ageMs,
    } = JSON.parse(await runCommand('sh', ['-c', line ?? ''])) as Record<string, unknown>;
    expect({ price, status, ageMs }).toEqual({ price: expect.any(Number), status: 'fresh', ageMs: expect.any(Number) });
  });

  it('changes nothing when it is run again', async () => {
    const before = livesOf(await running());
    await kindUp();
    expect(livesOf(await running())).toEqual(before);
  });
});

describe('the namespace', () => {
  it('enforces the restricted profile, and everything runs in it', async () => {
    const { metadata } = await get<KubeObject>('namespace', namespace);
    expect(metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const pods = await running();
    expect(pods.filter((pod) => !isReady(pod)).map((pod) => pod.metadata.name)).toEqual([]);
    expect(pods.length).toBeGreaterThanOrEqual(8);
  });

  it('refuses a pod that may become root', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'rooted' },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    };
    const { status, stderr } = await tryKubectl(['create', '--dry-run=server', '--filename', '-'], JSON.stringify(pod));
    expect(status).toBe(1);
    expect(stderr).toContain('violates PodSecurity "restricted:');
  });
});

describe('a new feed and a new key', () => {
  const name = 'e2e-install';

  afterAll(async () => {
    await remove('akp', name);
    await remove('pf', name);
  });

  it('lead to a price through the NodePort, with the key of the Secret that the operator wrote', async () => {
    const startedMs = systemClock.monotonicMs();
    await apply(priceFeed({ name }, { assets: ['BTC'], quote: 'EUR' }), policyWithKey({ name }, {}));
    const { metadata } = await whenTrue('akp', { name });
    await whenTrue('pf', { name });
    const secret = await get<KubeObject & { readonly type: string }>('secret', keySecretOf(name));
    expect(secret).toMatchObject({
      type: 'Opaque',
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'weir-operator', 'weir.dev/policy': name },
        ownerReferences: [{ kind: 'ApiKeyPolicy', name, uid: metadata.uid, controller: true }],
      },
    });
    const key = await secretText(keySecretOf(name), 'key');
    const answer = await eventually(async () => {
      const found = await ask({ path: '/price?asset=BTC-EUR', key });
      expect(found.status).toBe(200);
      return found;
    });
    expect(answer.body).toMatchObject({ asset: 'BTC', quote: 'EUR', price: expect.any(Number), status: 'fresh' });
    console.log(`from kubectl apply to a price: ${((systemClock.monotonicMs() - startedMs) / 1_000).toFixed(1)} s`);
  });

  it('are what a caller without a key has to have', async () => {
    expect(await ask({ path: '/price?asset=BTC' })).toMatchObject({ status: 401, body: { code: 'KEY_MISSING' } });
  });
});

describe('helm', () => {
  it('finds in its own test that a price takes a key and is served', async () => {
    expect(await helm('test', 'weir', '--timeout', '180s')).toMatch(/Phase:\s+Succeeded/);
  });

  it('prints the next command in its notes', async () => {
    expect(await helm('get', 'notes', 'weir')).toContain('kubectl');
  });
});

describe('kubectl get', () => {
  it('shows feeds and policies with what matters', async () => {
    const rows = (await kubectl('get', 'pf,akp')).split('\n');
    console.log(rows.join('\n'));
    expect(rows.find((row) => row.startsWith('pricefeed.weir.dev/majors'))).toMatch(
      /majors\s+True\s+\w+\s+True\s+8\s+USD\s+2/,
    );
    expect(rows.filter((row) => row.startsWith('apikeypolicy.weir.dev/')).length).toBeGreaterThanOrEqual(8);
  });
});
