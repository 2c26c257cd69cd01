import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';

let harness: Harness;
let pod: Pod;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument({ assets: ['BTC', 'ETH'] }));
  await harness.publishPolicies(policyDocument());
  await harness.putPrice({ asset: 'BTC' });
  pod = await harness.startPod();
});

afterAll(() => harness.stop());

test('serves the price with its age and limits', async () => {
  const key = await harness.putKey();
  const answer = await pod.get('/price?asset=BTC', key);
  console.log(answer.status, answer.text, answer.headers);
  expect(answer.status).toBe(200);
});
