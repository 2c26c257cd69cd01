/** T1 and T2: what reaches memory by the channel, what by reading, and how often Valkey is asked. */
import { keyspace } from '@weir/keyspace';
import { createFakeClock, startProxy, waitFor } from '@weir/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { feedDocument, policyDocument, priceRecord, startHarness, type Harness, type Pod } from './harness.ts';

let harness: Harness;
let key: string;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishPolicies(policyDocument({ policy: 'weir/open', tier: 'open', limits: {} }));
  key = await harness.putKey({ tier: 'open' });
}, 60_000);

afterAll(() => harness.stop());

/** Each test has a feed and assets of its own: pods of other tests go on listening. */
let name: string;
let count = 0;
beforeEach(() => {
  count += 1;
  name = `weir/feed-${count}`;
});

const assetOf = (letter: string): string => `${letter}${count}`;

async function startPod(assets: readonly string[], clock = createFakeClock(), url?: string): Promise<Pod> {
  await harness.publishFeeds(feedDocument({ feed: name, assets }));
  const pod = harness.startPod({ clock, ...(url !== undefined && { url }) });
  // The pod's own timers stand still but for this: warming up takes steps.
  const warming = setInterval(() => void clock.advance(50), 5);
  try {
    const started = await pod;
    await waitFor(async () => (await started.get('/assets', key)).text.includes(`"feed":"${name}"`));
    return started;
  } finally {
    clearInterval(warming);
  }
}

const priceOf = async (pod: Pod, asset: string): Promise<unknown> =>
  (await pod.get(`/price?asset=${asset}`, key)).body['price_text'];

/** How often anybody has ever read a key of this Valkey by GET. */
async function gets(): Promise<number> {
  const text = String(await harness.valkey.bulk.call('INFO', 'commandstats'));
  return Number(/cmdstat_get:calls=(\d+)/.exec(text)?.[1] ?? 0);
}

async function countGets(run: () => Promise<unknown>): Promise<number> {
  const before = await gets();
  await run();
  return (await gets()) - before;
}

const gapsOf = async (pod: Pod): Promise<number> =>
  Number(/weir_price_update_gaps_total (\d+)/.exec((await pod.get('/metrics')).text)?.[1]);

const nextSeq = (): number => Math.round(harness.valkey.serverTimeMs() * 1_000);
const nowMs = (): number => Math.round(harness.valkey.serverTimeMs());

test('a batch reaches memory without a read, and an older record does not replace a newer one', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, priceText: '1' });
  const pod = await startPod([asset]);
  const seq = nextSeq();
  const record = priceRecord({ asset, priceText: '2', seq, confirmedAtMs: nowMs() });
  await harness.sendBatch({ feed: name, number: 1, records: [record] });
  const reads = await countGets(() => waitFor(async () => (await priceOf(pod, asset)) === '2'));
  await harness.sendBatch({ feed: name, number: 2, records: [{ ...record, priceText: '3', seq: seq - 1 }] });
  await harness.sendBatch({ feed: name, number: 3, records: [{ ...record, priceText: '4', seq: seq + 1 }] });
  const seen = new Set<unknown>();
  await waitFor(async () => {
    seen.add(await priceOf(pod, asset));
    return seen.has('4');
  });
  expect(seen.has('3')).toBe(false);
  expect(reads).toBe(0);
});

test('a missing batch makes the pod read the pairs of that feed again', async () => {
  const [a, b] = [assetOf('A'), assetOf('B')];
  await harness.putPrice({ asset: a, priceText: '1' });
  await harness.putPrice({ asset: b, priceText: '1' });
  const clock = createFakeClock();
  const pod = await startPod([a, b], clock);
  await harness.sendBatch({ feed: name, number: 1 });
  await harness.putPrice({ asset: a, priceText: '2' });
  await harness.putPrice({ asset: b, priceText: '2' });
  expect([await priceOf(pod, a), await priceOf(pod, b)]).toEqual(['1', '1']);
  await harness.sendBatch({ feed: name, number: 3 });
  await waitFor(async () => (await gapsOf(pod)) === 1);
  // Far from the 3 s after which a silent feed is read again.
  await clock.advance(50);
  await waitFor(async () => (await priceOf(pod, a)) === '2' && (await priceOf(pod, b)) === '2');
});

test('a lease that begins above 1 is a gap, one that begins at 1 is none', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, priceText: '1' });
  const clock = createFakeClock();
  const pod = await startPod([asset], clock);
  await harness.sendBatch({ feed: name, lease: 'a', number: 1 });
  await harness.putPrice({ asset, priceText: '2' });
  const reads = await countGets(async () => {
    await harness.sendBatch({ feed: name, lease: 'b', number: 1 });
    await harness.sendBatch({ feed: name, lease: 'b', number: 2 });
    await clock.advance(100);
    expect(await priceOf(pod, asset)).toBe('1');
  });
  expect(reads).toBe(0);
  await harness.sendBatch({ feed: name, lease: 'c', number: 2 });
  await waitFor(async () => (await gapsOf(pod)) === 1);
  await clock.advance(50);
  await waitFor(async () => (await priceOf(pod, asset)) === '2');
});

test('batches sent while the connection was cut are made up for: whoever subscribes again reads again', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, priceText: '1' });
  await using proxy = await startProxy(harness.server);
  const clock = createFakeClock();
  const pod = await startPod([asset], clock, `redis://127.0.0.1:${proxy.port}`);
  expect(await priceOf(pod, asset)).toBe('1');
  proxy.refuse(true);
  proxy.cut();
  const record = await harness.putPrice({ asset, priceText: '2' });
  await harness.sendBatch({ feed: name, number: 1, records: [record] });
  proxy.refuse(false);
  await waitFor(async () => {
    // Reading again takes a step of the clock; all of them together stay far from the 3 s of silence.
    await clock.advance(1);
    return (await priceOf(pod, asset)) === '2';
  });
  await pod.stop();
});

test('a feed that falls silent is read again, and while it is silent requests look into Valkey', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, priceText: '1' });
  const clock = createFakeClock();
  const pod = await startPod([asset], clock);
  await harness.sendBatch({ feed: name, number: 1 });
  await harness.putPrice({ asset, priceText: '2' });
  await clock.advance(2_500);
  expect(await priceOf(pod, asset)).toBe('1');
  const before = await gets();
  await clock.advance(1_000);
  await waitFor(async () => (await gets()) > before);
  expect(await priceOf(pod, asset)).toBe('2');
  await harness.putPrice({ asset, priceText: '3' });
  await clock.advance(250);
  expect(await priceOf(pod, asset)).toBe('3');
  expect((await pod.get('/health')).body['feeds']).toContainEqual({ name, pairs: 1, updates: 'silent' });
});

test('a stale price is looked up at most every 250 ms, once for all who ask', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, confirmedAtMs: nowMs() - 20_000 });
  const clock = createFakeClock();
  const pod = await startPod([asset], clock);
  await clock.advance(300);
  const ask = (): Promise<unknown> => Promise.all(Array.from({ length: 50 }, () => priceOf(pod, asset)));
  expect(await countGets(ask)).toBe(1);
  expect(await countGets(ask)).toBe(0);
  await clock.advance(250);
  await harness.putPrice({ asset, priceText: '2' });
  const answers = Array.from({ length: 50 }, () => priceOf(pod, asset));
  expect(await countGets(() => Promise.all(answers))).toBe(1);
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['2']));
});

test('a current price is served from memory alone', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset });
  const clock = createFakeClock();
  const pod = await startPod([asset], clock);
  await clock.advance(300);
  const ask = (): Promise<unknown> => Promise.all(Array.from({ length: 50 }, () => priceOf(pod, asset)));
  expect(await countGets(ask)).toBe(0);
});

test('a price that appears in Valkey is found without any batch', async () => {
  const asset = assetOf('A');
  const clock = createFakeClock();
  const pod = await startPod([asset], clock);
  expect((await pod.get(`/price?asset=${asset}`, key)).status).toBe(503);
  await harness.putPrice({ asset, priceText: '7' });
  await clock.advance(250);
  expect(await priceOf(pod, asset)).toBe('7');
});

test('keeps serving what it holds after a FLUSHALL, and takes what is published then', async () => {
  const asset = assetOf('A');
  await harness.putPrice({ asset, priceText: '1' });
  const pod = await startPod([asset]);
  const seq = nextSeq();
  await harness.valkey.bulk.call('DEL', keyspace.price.key({ pair: asset }));
  expect(await priceOf(pod, asset)).toBe('1');
  const record = priceRecord({ asset, priceText: '2', seq: seq + 1, confirmedAtMs: nowMs() });
  await harness.sendBatch({ feed: name, number: 1, records: [record] });
  await waitFor(async () => (await priceOf(pod, asset)) === '2');
});

test('what is no batch is counted and does no harm', async () => {
  const asset = assetOf('A');
  const pod = await startPod([asset]);
  await harness.valkey.bulk.call('PUBLISH', keyspace.priceUpdates.key(), 'nonsense');
  await waitFor(async () => /weir_price_updates_unreadable_total [1-9]/.test((await pod.get('/metrics')).text));
  expect((await pod.get('/livez')).status).toBe(200);
});
