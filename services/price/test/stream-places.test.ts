/** Who gets the places for streams that a server has. */
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness } from './harness.ts';
import { openStream } from './stream-client.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument());
  await harness.publishPolicies(
    policyDocument({ limits: {} }),
    policyDocument({ policy: 'weir/four', tier: 'four', limits: { concurrency: 4 } }),
  );
  await harness.putPrice();
}, 60_000);

afterAll(() => harness.stop());

test('a key without a limit of its own has a tenth of the places, the rest of which are for others', async () => {
  const small = await harness.startPod({ streams: { streamsMax: 20 } });
  const key = await harness.putKey();
  const streams = [await openStream(small, key, 'BTC'), await openStream(small, key, 'BTC')];
  const refused = await small.get('/prices/stream?assets=BTC', key);
  expect([refused.status, refused.body['code']]).toEqual([503, 'STREAMS_FULL']);
  expect(refused.body['detail']).toContain('This server has 2 streams of this key open');
  expect((await openStream(small, await harness.putKey(), 'BTC')).status).toBe(200);
  // At once, so that none is counted before the others are let in.
  const late = await harness.putKey();
  const asked = await Promise.all([1, 2, 3, 4].map(() => openStream(small, late, 'BTC')));
  expect(asked.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 503, 503]);
  streams[0]?.leave();
  await waitFor(async () => (await openStream(small, key, 'BTC')).status === 200);
  await small.stop();
});

test('a key whose policy sets a limit has as many as that says', async () => {
  const small = await harness.startPod({ streams: { streamsMax: 20 } });
  const key = await harness.putKey({ tier: 'four' });
  for (let index = 0; index < 4; index += 1) expect((await openStream(small, key, 'BTC')).status).toBe(200);
  expect((await openStream(small, key, 'BTC')).status).toBe(429);
  await small.stop();
});
