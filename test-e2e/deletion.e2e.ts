/** What is deleted leaves nothing behind, in the cluster or in Valkey, whoever was away meanwhile, and never comes back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { namespace, release } from './harness/cluster.ts';
import { documentsSeq, publishedIn, remainsOf } from './harness/documents.ts';
import { always, eventually } from './harness/eventually.ts';
import { helm } from './harness/helm.ts';
import { apply, find, get, kubectl, list, remove, type KubeObject } from './harness/kubectl.ts';
import { scaleOperator } from './harness/operator.ts';
import { activeKeysOf } from './harness/postgres.ts';
import { ask } from './harness/price-client.ts';
import { keySecretOf, policyWithKey, priceFeed, whenTrue } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const KINDS = 'deployments,replicasets,pods,serviceaccounts,configmaps,secrets,poddisruptionbudgets,networkpolicies';

/** Everything of a feed or policy that a label says is theirs. */
async function objectsOf(label: string, within = namespace): Promise<readonly string[]> {
  const objects = await list<KubeObject>(KINDS, '--namespace', within, '--selector', label);
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

describe('a feed that is deleted while the operator is away', () => {
  const name = 'e2e-away';

  afterEach(async () => {
    await scaleOperator(1);
    await remove('pf', name);
  });

  it('is waited for, and leaves nothing once the operator is back', async () => {
    await apply(priceFeed({ name }, { assets: ['XRP'], quote: 'EUR' }));
    await whenTrue('pf', { name });
    expect((await remainsOf(name, ['XRP-EUR'])).length).toBe(4);
    await scaleOperator(0);
    await kubectl('delete', 'pf', name, '--wait=false');
    const { metadata } = await get<KubeObject>('pf', name);
    expect(metadata).toMatchObject({ finalizers: ['weir.dev/cleanup'], deletionTimestamp: expect.any(String) });
    await scaleOperator(1);
    await eventually(async () => expect(await find('pf', name)).toBeUndefined());
    await eventually(async () => expect(await objectsOf(`weir.dev/feed=${name}`)).toEqual([]));
    await always(async () => {
      expect(await remainsOf(name, ['XRP-EUR'])).toEqual([]);
      expect(await objectsOf(`weir.dev/feed=${name}`)).toEqual([]);
    }, 10_000);
  });
});

describe('a policy that is deleted', () => {
  const name = 'e2e-ended';

  afterAll(() => remove('akp', name));

  it('takes its key with it', async () => {
    await apply(policyWithKey({ name }, {}));
    await whenTrue('akp', { name });
    const key = await secretText(keySecretOf(name), 'key');
    expect((await ask({ path: '/price?asset=BTC', key })).status).toBe(200);
    await remove('akp', name);
    await eventually(
      async () => expect([401, 403]).toContain((await ask({ path: '/price?asset=BTC', key })).status),
      20_000,
    );
    await eventually(async () => expect(await find('secret', keySecretOf(name))).toBeUndefined());
    expect(await activeKeysOf(namespace, name)).toEqual([]);
    expect(await publishedIn('policies', namespace)).not.toContain(`${namespace}/${name}`);
  });
});

describe('a namespace that is deleted', () => {
  const gone = 'weir-e2e-gone';
  const name = 'e2e-tenant';
  const there = { name, namespace: gone };

  /** A chart's own values, but for which namespaces may publish. */
  const trust = async (...namespaces: readonly string[]): Promise<void> => {
    await helm(
      'upgrade',
      release,
      'charts/weir',
      '--reuse-values',
      '--set-json',
      `operator.trustedNamespaces=${JSON.stringify(namespaces)}`,
      '--wait',
      '--timeout',
      '180s',
    );
  };

  beforeAll(() => trust(namespace, gone));
  afterAll(async () => {
    await remove('namespace', gone);
    await trust();
  });

  it('takes its feed, its keys and its documents with it, and nothing is made in it again', async () => {
    await kubectl('create', 'namespace', gone);
    await apply(priceFeed(there, { assets: ['ETH'], quote: 'EUR' }), policyWithKey(there, {}));
    await whenTrue('pf', there);
    await whenTrue('akp', there);
    const key = await secretText(keySecretOf(name), 'key', gone);
    await eventually(async () => expect((await ask({ path: '/price?asset=ETH-EUR', key })).status).toBe(200));
    await kubectl('delete', 'namespace', gone, '--timeout=180s');
    expect(await find('namespace', gone)).toBeUndefined();
    await eventually(async () => {
      expect(await remainsOf(name, ['ETH-EUR'], gone)).toEqual([]);
      expect(await publishedIn('policies', gone)).toEqual([]);
      expect(await activeKeysOf(gone, name)).toEqual([]);
      expect([401, 403]).toContain((await ask({ path: '/price?asset=BTC', key })).status);
    }, 30_000);
    const seqs = [await documentsSeq('feeds'), await documentsSeq('policies')];
    await always(async () => {
      expect([await documentsSeq('feeds'), await documentsSeq('policies')]).toEqual(seqs);
      expect(await remainsOf(name, ['ETH-EUR'], gone)).toEqual([]);
    }, 10_000);
  });
});
