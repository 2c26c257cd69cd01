/** What the operator has made is changed or deleted behind its back: it is put right, in the cluster and in Valkey. */
import { systemClock } from '@weir/clock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespace, release } from './harness/cluster.ts';
import { documentsSeq, isPublished, publishedIn, publishedText, unpublish } from './harness/documents.ts';
import { always, eventually } from './harness/eventually.ts';
import { apply, find, get, kubectl, list, patch, remove, type KubeObject } from './harness/kubectl.ts';
import { startLoad } from './harness/load.ts';
import { activeKeysOf } from './harness/postgres.ts';
import { ask } from './harness/price-client.ts';
import {
  keySecretOf,
  policyWithKey,
  priceFeed,
  whenTrue,
  type ApiKeyPolicy,
  type PriceFeed,
} from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const name = 'e2e-drift';
const child = `${name}-feed`;
const CHILDREN = ['deployment', 'serviceaccount', 'configmap', 'secret', 'networkpolicy'];
/** Issue: drift is put right within 30 s. */
const SOON_MS = 30_000;

beforeAll(async () => {
  await apply(priceFeed({ name }, { assets: ['SOL'], quote: 'EUR' }), policyWithKey({ name }, {}));
  await whenTrue('pf', { name });
  await whenTrue('akp', { name });
});

afterAll(async () => {
  await remove('akp', name);
  await remove('pf', name);
});

interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

describe('a child of a feed', () => {
  it('that is edited by hand is as declared again', async () => {
    const before = await get<Deployment>('deployment', child);
    await patch('deployment', child, { spec: { replicas: 0 } });
    await kubectl('label', 'deployment', child, 'weir.dev/feed=somebody', '--overwrite');
    await eventually(async () => {
      const { spec, metadata } = await get<Deployment>('deployment', child);
      expect(spec.replicas).toBe(before.spec.replicas);
      expect(metadata.labels).toEqual(before.metadata.labels);
    }, SOON_MS);
    await whenTrue('pf', { name });
  });

  // Only a feed with standbys has a budget for them.
  const deleted = [...CHILDREN.map((kind) => [kind, child] as const), ['poddisruptionbudget', 'majors-feed'] as const];

  it.each(deleted)('that is deleted is made again: %s %s', async (kind, object) => {
    const before = await get<KubeObject>(kind, object);
    await kubectl('delete', kind, object, '--wait=false');
    await eventually(async () => {
      const after = await get<KubeObject>(kind, object);
      expect(after.metadata.uid).not.toBe(before.metadata.uid);
      expect(after.metadata.deletionTimestamp).toBeUndefined();
    }, SOON_MS);
    await whenTrue('pf', { name });
  });
});

const SETTLED_MS = 10_000;

describe('an operator at rest', () => {
  it('writes nothing', async () => {
    const versionsOf = async (): Promise<object> => {
      const objects = [
        ...(await list<KubeObject>('pf,akp')),
        ...(await list<KubeObject>(CHILDREN.join(','), '--selector', 'app.kubernetes.io/managed-by=weir-operator')),
      ];
      return Object.fromEntries(
        objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
      );
    };
    // Sources of feeds that were just put right may still be connecting, which their status tells.
    const before = await eventually(async () => {
      const versions = await versionsOf();
      await always(async () => expect(await versionsOf()).toEqual(versions), SETTLED_MS);
      return versions;
    }, 120_000);
    const seqs = [await documentsSeq('feeds'), await documentsSeq('policies')];
    await always(async () => {
      expect(await versionsOf()).toEqual(before);
      expect([await documentsSeq('feeds'), await documentsSeq('policies')]).toEqual(seqs);
      // Longer than any resync.
    }, 45_000);
  });
});

describe('Valkey', () => {
  it.each(['feeds', 'policies'] as const)('has a document of %s back that somebody deletes', async (kind) => {
    const before = await publishedText(kind, name);
    await unpublish(kind, name);
    expect(await isPublished(kind, name)).toBe(false);
    await eventually(async () => expect(await publishedText(kind, name)).toBe(before), SOON_MS);
  });

  it('is filled again when its pod is deleted, and callers notice nothing', async () => {
    const key = await secretText(keySecretOf(name), 'key');
    const documents = async (): Promise<object> =>
      [await publishedIn('feeds', namespace), await publishedIn('policies', namespace)].map((all) => all.toSorted());
    const before = await documents();
    const { metadata } = await get<KubeObject>('pod', `${release}-valkey-0`);
    const load = startLoad({ key, path: '/price?asset=BTC', requestsPerSecond: 20, connections: 4 });
    const startedMs = systemClock.monotonicMs();
    await kubectl('delete', 'pod', `${release}-valkey-0`);
    await eventually(async () => {
      expect((await get<KubeObject>('pod', `${release}-valkey-0`)).metadata.uid).not.toBe(metadata.uid);
      expect(await documents()).toEqual(before);
    });
    const filledMs = systemClock.monotonicMs();
    await eventually(async () => {
      const { body } = await ask({ path: '/price?asset=BTC', key });
      expect(body).toMatchObject({ status: 'fresh' });
    });
    await whenTrue<PriceFeed>('pf', { name });
    await whenTrue<ApiKeyPolicy>('akp', { name });
    const report = await load.stop();
    console.log(
      `documents were back ${((filledMs - startedMs) / 1_000).toFixed(1)} s after the delete; ${report.sent} calls, ${JSON.stringify(report.failures)}`,
    );
    expect(report.failures).toEqual({});
  });
});

interface Event extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly reportingController: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

describe('the Secret of a key', () => {
  it('that is deleted comes back with another text, an event, and an end of the old one', async () => {
    const old = await secretText(keySecretOf(name), 'key');
    expect((await ask({ path: '/price?asset=BTC', key: old })).status).toBe(200);
    await kubectl('delete', 'secret', keySecretOf(name));
    const key = await eventually(async () => {
      expect(await find('secret', keySecretOf(name))).toBeDefined();
      return secretText(keySecretOf(name), 'key');
    }, SOON_MS);
    expect(key).not.toBe(old);
    await eventually(async () => expect((await ask({ path: '/price?asset=BTC', key })).status).toBe(200), SOON_MS);
    await eventually(
      async () => expect(await ask({ path: '/price?asset=BTC', key: old })).toMatchObject({ status: 401 }),
      SOON_MS,
    );
    // The key is the same one; only its text is another.
    expect(await activeKeysOf(namespace, name)).toHaveLength(1);
    const events = await list<Event>('events.events.k8s.io');
    const told = events.filter(({ regarding }) => regarding.kind === 'ApiKeyPolicy' && regarding.name === name);
    console.log(told.map(({ reason, note }) => `${reason}: ${note}`).join('\n'));
    expect(
      told.some(
        ({ reportingController, note }) =>
          reportingController === 'weir.dev/operator' && note.includes(keySecretOf(name)),
      ),
    ).toBe(true);
    expect(JSON.stringify(told)).not.toContain(key);
  });
});
