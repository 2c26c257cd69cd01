import { describe, expect, it } from 'vitest';
import { dropFinalizer } from './drop-finalizer.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeError, type KubeErrorKind } from './kube-error.ts';
import type { KubeObject, ObjectMeta } from './resource.ts';

const TYPE = { apiVersion: 'weir.dev/v1alpha1', kind: 'ApiKeyPolicy', plural: 'apikeypolicies', namespaced: true };
const OURS = 'weir.dev/cleanup';

const objectWith = (metadata: Partial<ObjectMeta> = {}): KubeObject => ({
  apiVersion: TYPE.apiVersion,
  kind: TYPE.kind,
  metadata: { name: 'pro', namespace: 'weir', uid: 'one', resourceVersion: '7', finalizers: [OURS], ...metadata },
});
const known = objectWith();

/** Answers with the objects one after the other, and refuses as many writes as there are refusals. */
function apiServer(answers: readonly (KubeObject | undefined)[], refusals: readonly KubeErrorKind[] = []) {
  const written: KubeObject[] = [];
  let [reads, writes] = [0, 0];
  const client: Pick<KubeClient, 'get' | 'replace'> = {
    // The one kind of object that is asked for.
    get: () => Promise.resolve(answers[Math.min(reads++, answers.length - 1)] as never),
    replace(_type, object) {
      const kind = refusals[writes++];
      if (kind !== undefined) return Promise.reject(new KubeError({ kind, message: kind }));
      written.push(object);
      return Promise.resolve(object);
    },
  };
  return { client, written, counts: () => ({ reads, writes }) };
}

describe('dropping a finalizer', () => {
  it('writes the object as it is now without it, by its resource version, and leaves those of others', async () => {
    const now = objectWith({ resourceVersion: '9', finalizers: ['else.where/hold', OURS], labels: { new: 'label' } });
    const { client, written } = apiServer([now]);
    await dropFinalizer(client, TYPE, known, { finalizer: OURS });
    expect(written).toEqual([{ ...now, metadata: { ...now.metadata, finalizers: ['else.where/hold'] } }]);
  });

  it('reads again when somebody has written meanwhile', async () => {
    const { client, written } = apiServer([known, objectWith({ resourceVersion: '8' })], ['conflict']);
    await dropFinalizer(client, TYPE, known, { finalizer: OURS });
    expect(written.map(({ metadata }) => metadata)).toMatchObject([{ resourceVersion: '8', finalizers: [] }]);
  });

  it('leaves it to the queue when somebody writes all the time', async () => {
    const api = apiServer(
      [known],
      Array.from({ length: 10 }, () => 'conflict' as const),
    );
    await expect(dropFinalizer(api.client, TYPE, known, { finalizer: OURS })).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect(api.counts()).toEqual({ reads: 5, writes: 5 });
  });

  it.each<[string, readonly (KubeObject | undefined)[], readonly KubeErrorKind[]]>([
    ['the object is gone', [undefined], []],
    ['another object has its name', [objectWith({ uid: 'two' })], []],
    ['the finalizer is gone', [objectWith({ finalizers: ['else.where/hold'] })], []],
    ['there are no finalizers', [{ ...known, metadata: { name: 'pro', namespace: 'weir', uid: 'one' } }], []],
    ['the object goes meanwhile', [known, undefined], ['conflict']],
    ['the object goes meanwhile for good', [known], ['notFound']],
  ])('has nothing to do when %s', async (_name, answers, refusals) => {
    const { client, written } = apiServer(answers, refusals);
    await dropFinalizer(client, TYPE, known, { finalizer: OURS });
    expect(written).toEqual([]);
  });

  it('does not hide what is wrong otherwise', async () => {
    const { client } = apiServer([known], ['forbidden']);
    await expect(dropFinalizer(client, TYPE, known, { finalizer: OURS })).rejects.toMatchObject({ kind: 'forbidden' });
  });
});
