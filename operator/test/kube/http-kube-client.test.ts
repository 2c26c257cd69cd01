/** What the client sends for each of its verbs, and what it makes of the answers. */
import { systemClock } from '@weir/clock';
import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { TimedFence } from '../../src/kube/fence.ts';
import { HttpKubeClient, type HttpKubeClientOptions } from '../../src/kube/http-kube-client.ts';
import type { KubeObject } from '../../src/kube/resource.ts';
import { TokenBucket } from '../../src/kube/token-bucket.ts';
import { kubeConfigOf, openTransport, startHttpApi, type Answer, type HttpApi, type Received } from './http-api.ts';

const TYPE = { apiVersion: 'weir.dev/v1alpha1', kind: 'PriceFeed', plural: 'pricefeeds', namespaced: true };
const NAME = { namespace: 'weir', name: 'majors' };
const OBJECT_PATH = '/apis/weir.dev/v1alpha1/namespaces/weir/pricefeeds/majors';

interface Feed extends KubeObject {
  readonly spec?: object;
  readonly status?: object;
}

const feed: Feed = { apiVersion: 'weir.dev/v1alpha1', kind: 'PriceFeed', metadata: NAME, spec: { quote: 'USD' } };
const stored = {
  metadata: { ...NAME, resourceVersion: '7', managedFields: [{ manager: 'x' }] },
  spec: { quote: 'USD' },
};
const failed = (status: number, reason: string): Answer => ({ status, body: { kind: 'Status', code: status, reason } });

async function withClient<T>(
  answer: (request: Received) => Answer | undefined,
  use: (client: HttpKubeClient, api: HttpApi) => Promise<T>,
  options: Partial<HttpKubeClientOptions> = {},
): Promise<T> {
  await using api = await startHttpApi(answer);
  await using open = openTransport(kubeConfigOf(api.url), systemClock);
  return await use(new HttpKubeClient({ ...open, ...options }), api);
}

describe('the client', () => {
  it('gets an object with its kind and without managedFields, and nothing where there is none', async () => {
    await withClient(
      ({ url }) => (url === OBJECT_PATH ? { body: stored } : failed(404, 'NotFound')),
      async (client) => {
        expect(await client.get<Feed>(TYPE, NAME)).toEqual({
          ...feed,
          metadata: { ...NAME, resourceVersion: '7' },
        });
        expect(await client.get(TYPE, { ...NAME, name: 'none' })).toBeUndefined();
      },
    );
  });

  it('rejects for anything but a missing object', async () => {
    await withClient(
      () => failed(403, 'Forbidden'),
      async (client) => {
        await expect(client.get(TYPE, NAME)).rejects.toMatchObject({ kind: 'forbidden' });
        await expect(client.delete(TYPE, NAME)).rejects.toMatchObject({ kind: 'forbidden' });
      },
    );
  });

  it('lists page by page', async () => {
    const page = (name: string, next?: string): Answer => ({
      body: { metadata: { resourceVersion: '9', continue: next }, items: [{ metadata: { ...NAME, name } }] },
    });
    await withClient(
      ({ url }) => (url.includes('continue=p2') ? page('b') : page('a', 'p2')),
      async (client, api) => {
        const objects = await client.list(TYPE, { namespace: 'weir', labelSelector: 'a=b' });
        expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['PriceFeed a', 'PriceFeed b']);
        expect(api.received.map(({ url }) => url.split('?')[1])).toEqual([
          'limit=500&labelSelector=a%3Db',
          'limit=500&continue=p2&labelSelector=a%3Db',
        ]);
      },
    );
  });

  it('applies with manager, force and strict validation, never with managedFields', async () => {
    await withClient(
      () => ({ body: stored }),
      async (client, api) => {
        const known = { ...feed, metadata: { ...NAME, uid: 'u1', managedFields: [{ manager: 'x' }] } };
        const applied = await client.apply<Feed>(TYPE, known, { fieldManager: 'weir.dev/operator' });
        expect(applied.metadata.resourceVersion).toBe('7');
        const [{ method, url, headers, body } = { method: '', url: '', headers: {}, body: '{}' }] = api.received;
        expect([method, url, headers['content-type']]).toEqual([
          'PATCH',
          `${OBJECT_PATH}?fieldValidation=Strict&fieldManager=weir.dev%2Foperator&force=true`,
          'application/apply-patch+yaml',
        ]);
        expect(JSON.parse(body)).toEqual({ ...feed, metadata: { ...NAME, uid: 'u1' } });
      },
    );
  });

  it('applies to the status subresource, without force and as a plan when asked', async () => {
    await withClient(
      () => ({ body: stored }),
      async (client, api) => {
        const options = { fieldManager: 'weir.dev/status', force: false, dryRun: true };
        await client.applyStatus(TYPE, { ...feed, status: { revision: '1' } }, options);
        const query = 'fieldValidation=Strict&fieldManager=weir.dev%2Fstatus&force=false&dryRun=All';
        expect(api.received[0]?.url).toBe(`${OBJECT_PATH}/status?${query}`);
      },
    );
  });

  it('creates in the collection, replaces and merges the object, each with its content type (pitfall 14)', async () => {
    await withClient(
      () => ({ body: stored }),
      async (client, api) => {
        await client.create(TYPE, feed);
        await client.replace(TYPE, feed);
        await client.merge(TYPE, NAME, { spec: { quote: 'EUR' } });
        expect(api.received.map(({ method, url, headers }) => [method, url, headers['content-type']])).toEqual([
          ['POST', '/apis/weir.dev/v1alpha1/namespaces/weir/pricefeeds?fieldValidation=Strict', 'application/json'],
          ['PUT', `${OBJECT_PATH}?fieldValidation=Strict`, 'application/json'],
          ['PATCH', `${OBJECT_PATH}?fieldValidation=Strict`, 'application/merge-patch+json'],
        ]);
      },
    );
  });

  it('deletes only the object of the uid, in the background, and does not mind that there is none', async () => {
    await withClient(
      () => failed(404, 'NotFound'),
      async (client, api) => {
        await client.delete(TYPE, NAME, { uid: 'u1' });
        expect(JSON.parse(api.received[0]?.body ?? '')).toEqual({
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          preconditions: { uid: 'u1' },
        });
      },
    );
  });

  it('sends no write without leadership, and every read', async () => {
    const fence = new TimedFence(systemClock);
    await withClient(
      () => ({ body: stored }),
      async (client, api) => {
        const writes = [
          () => client.create(TYPE, feed),
          () => client.replace(TYPE, feed),
          () => client.merge(TYPE, NAME, {}),
          () => client.apply(TYPE, feed, { fieldManager: 'm' }),
          () => client.applyStatus(TYPE, feed, { fieldManager: 'm' }),
          () => client.delete(TYPE, NAME),
        ];
        for (const write of writes) await expect(write()).rejects.toMatchObject({ kind: 'fenced' });
        await client.get(TYPE, NAME);
        expect(api.received.map(({ method }) => method)).toEqual(['GET']);
        fence.openUntil(Number.POSITIVE_INFINITY);
        for (const write of writes) await write();
        expect(api.received).toHaveLength(7);
      },
      { fence },
    );
  });

  it('tells of what it has written, and not of a plan', async () => {
    const written: string[] = [];
    await withClient(
      () => ({ body: stored }),
      async (client) => {
        await client.apply(TYPE, feed, { fieldManager: 'm', dryRun: true });
        await client.apply(TYPE, feed, { fieldManager: 'm' });
        await client.get(TYPE, NAME);
        expect(written).toEqual(['pricefeeds 7']);
      },
      { onWritten: ({ plural }, { metadata }) => written.push(`${plural} ${metadata.resourceVersion}`) },
    );
  });

  it('waits for its turn, and gives up waiting with the caller', async () => {
    const clock = createFakeClock();
    await withClient(
      () => ({ body: stored }),
      async (client, api) => {
        await client.get(TYPE, NAME);
        const caller = new AbortController();
        const waiting = client.get(TYPE, NAME, { signal: caller.signal });
        caller.abort(new Error('stopping'));
        await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
        const second = client.get(TYPE, NAME);
        await clock.advance(1_000);
        await second;
        expect(api.received).toHaveLength(2);
      },
      { bucket: new TokenBucket({ perSecond: 1, burst: 1, clock }) },
    );
  });
});
