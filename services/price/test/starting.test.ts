/** What a pod says before the documents were read that an operator has published, and after Valkey has lost them. */
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
}, 60_000);

afterAll(() => harness.stop());

const PATHS = ['/price?asset=BTC', '/prices?assets=BTC', '/assets'];

async function expectStarting(pod: Pod, key: string): Promise<void> {
  for (const path of PATHS) {
    const answer = await pod.get(path, key);
    expect(answer.body).toMatchObject({ status: 503, code: 'STARTING' });
    expect(answer.headers.get('retry-after')).toBe('1');
  }
}

const readiness = async (pod: Pod): Promise<string> => {
  const { status, body } = await pod.get('/readyz');
  return status === 200 ? 'ready' : String(body['detail']);
};

test('nobody is told anything final, and no pod is ready, until feeds and policies have been published', async () => {
  await harness.putPrice();
  const key = await harness.putKey();
  const pod = await harness.startPod({ awaitReady: false });
  expect(await readiness(pod)).toContain('feeds');
  await expectStarting(pod, key);
  await harness.publishFeeds(feedDocument());
  await waitFor(async () => (await readiness(pod)).includes('policies'));
  await expectStarting(pod, key);

  // An operator without policies says so, which is final.
  await harness.publishPolicies();
  await waitFor(async () => (await readiness(pod)) === 'ready');
  expect((await pod.get('/price?asset=BTC', key)).body).toMatchObject({ status: 403, code: 'POLICY_MISSING' });
  await harness.publishPolicies(policyDocument());
  await waitFor(async () => (await pod.get('/price?asset=BTC', key)).status === 200);

  await harness.valkey.bulk.call('FLUSHALL');
  const restarted = await harness.startPod({ awaitReady: false });
  const other = await harness.putKey();
  await harness.publishFeeds();
  await waitFor(async () => (await readiness(restarted)).includes('policies'));
  await expectStarting(restarted, other);
  expect(await readiness(pod)).toBe('ready');
});
