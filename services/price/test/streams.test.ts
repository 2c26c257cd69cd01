/** Streams over real HTTP and a real Valkey: who gets one, what it says, what it costs and how it ends. */
import { systemClock } from '@weir/clock';
import { hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createFakeClock, waitFor, type FakeClock } from '@weir/testing';
import type { PriceRecord } from '@weir/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STREAM_LIMITS } from '../src/price-stream.ts';
import {
  feedDocument,
  policyDocument,
  priceRecord,
  startHarness,
  type Harness,
  type Pod,
  type PodOptions,
} from './harness.ts';
import { openStream, type StreamClient } from './stream-client.ts';

const OPEN_ACCESS = { allowStale: true, onDemandAssets: false };
const MANY = Array.from({ length: 100 }, (_, index) => `C${index}`);

let harness: Harness;
let pod: Pod;
/** Numbers of batches go up, whoever sends them. */
let batch = 0;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument({ assets: ['BTC', 'ETH', 'EMPTY', ...MANY] }));
  await harness.publishPolicies(
    policyDocument({ limits: {} }),
    policyDocument({ policy: 'weir/ten', tier: 'ten', limits: { requestsPerSecond: 0.001, burst: 10 } }),
    policyDocument({ policy: 'weir/two', tier: 'two', limits: { concurrency: 2 } }),
    policyDocument({ policy: 'weir/http', tier: 'http', access: { ...OPEN_ACCESS, protocols: ['http'] } }),
  );
  await Promise.all(['BTC', 'ETH', ...MANY].map((asset) => harness.putPrice({ asset })));
  pod = await harness.startPod();
}, 60_000);

afterAll(() => harness.stop());

async function publish(asset: string, priceText: string): Promise<PriceRecord> {
  const record = await harness.putPrice({ asset, priceText });
  batch += 1;
  await harness.sendBatch({ number: batch, records: [record] });
  return record;
}

/** A pod whose time the test moves; ages and limits are in the time of Valkey all the same. */
async function startSlowPod(options: PodOptions = {}): Promise<{ pod: Pod; clock: FakeClock; stop(): Promise<void> }> {
  const clock = createFakeClock();
  const started = await harness.startPod({ ...options, clock, awaitReady: false });
  const untilTrue = (condition: () => boolean | Promise<boolean>): Promise<unknown> =>
    waitFor(async () => {
      await clock.advance(100);
      return condition();
    });
  await untilTrue(async () => (await started.get('/readyz')).status === 200);
  const stop = async (): Promise<void> => {
    let hasStopped = false;
    void started.stop().then(() => (hasStopped = true));
    await untilTrue(() => hasStopped);
  };
  return { pod: started, clock, stop };
}

/** In steps, so that what is asked of Valkey meanwhile can be answered. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await clock.advance(1_000);
    await harness.valkey.bulk.call('PING');
  }
}

const slotsOf = async (id: string): Promise<unknown> =>
  harness.valkey.bulk.call('ZCARD', keyspace.slots.key({ key_id: id }));

async function count(of: Pod, name: string): Promise<number> {
  const line = (await of.get('/metrics')).text.split('\n').find((each) => each.startsWith(name));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}

describe('a stream', () => {
  test('begins with every pair, then tells changes as they come, each with its age', async () => {
    const stream = await openStream(pod, await harness.putKey(), 'BTC,ETH-USD,EMPTY');
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await waitFor(() => stream.events.length === 3);
    expect(stream.of('price').map(({ asset }) => asset)).toEqual(['BTC', 'ETH']);
    expect(stream.of('unavailable')).toEqual([{ asset: 'EMPTY', code: 'PRICE_NOT_AVAILABLE' }]);
    await publish('BTC', '90001.5');
    const told = await waitFor(() => stream.of('price').find(({ price_text }) => price_text === '90001.5'));
    expect(told).toMatchObject({ asset: 'BTC', status: 'fresh', age_ms: expect.any(Number) });
    expect(told['age_ms']).toBeGreaterThanOrEqual(0);
    stream.leave();
  });

  test('sends what changes often no more often than a round', async () => {
    const stream = await openStream(pod, await harness.putKey(), 'C1');
    await waitFor(() => stream.events.length === 1);
    const startedMs = systemClock.monotonicMs();
    for (let price = 1; price <= 300; price += 1) await publish('C1', String(price));
    await waitFor(() => stream.of('price').at(-1)?.['price_text'] === '300');
    const rounds = (systemClock.monotonicMs() - startedMs) / 100;
    expect(stream.events.length - 1).toBeLessThanOrEqual(rounds + 2);
    stream.leave();
  });

  test('that is resumed begins with every pair again', async () => {
    const response = await fetch(`${pod.url}/prices/stream?assets=BTC`, {
      headers: { authorization: `Bearer ${await harness.putKey()}`, 'last-event-id': '17' },
    });
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes('event: price')) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(text).toContain('"asset":"BTC"');
    await reader?.cancel();
  });
});

describe('who gets no stream is told by a problem', () => {
  test.each([
    ['whose policy has no sse', 'BTC', 'http', 403, 'PROTOCOL_NOT_ALLOWED'],
    ['who names a pair that nobody has', 'XYZ,BTC', 'pro', 404, 'ASSET_UNKNOWN'],
    ['who names what is no pair', 'btc', 'pro', 400, 'INVALID_REQUEST'],
    ['who names nothing', '%20', 'pro', 400, 'INVALID_REQUEST'],
    ['who names more than the bucket ever holds', MANY.slice(0, 11).join(','), 'ten', 400, 'INVALID_REQUEST'],
    ['who names more than 100', [...MANY, 'BTC'].join(','), 'pro', 400, 'INVALID_REQUEST'],
  ])('%s', async (_who, assets, tier, status, code) => {
    const answer = await pod.get(`/prices/stream?assets=${assets}`, await harness.putKey({ tier }));
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  test('when the bucket holds fewer calls than pairs', async () => {
    const key = await harness.putKey({ tier: 'ten' });
    const stream = await openStream(pod, key, MANY.slice(0, 6).join(','));
    expect(stream.status).toBe(200);
    const refused = await pod.get(`/prices/stream?assets=${MANY.slice(0, 6).join(',')}`, key);
    expect([refused.status, refused.body['limit']]).toEqual([429, 'bucket']);
    // What was refused was not charged: four are left.
    expect((await pod.get(`/prices?assets=${MANY.slice(0, 4).join(',')}`, key)).status).toBe(200);
    stream.leave();
  });

  test('when there are as many of the key as its policy allows, until one of them ends', async () => {
    const id = 'two-streams';
    const key = await harness.putKey({ tier: 'two', id });
    const streams = [await openStream(pod, key, 'BTC'), await openStream(pod, key, 'BTC')];
    const refused = await pod.get('/prices/stream?assets=BTC', key);
    expect(refused.body).toMatchObject({ status: 429, code: 'RATE_LIMITED', limit: 'concurrency', quota: 2, used: 2 });
    expect(refused.headers.get('retry-after')).toBe('5');
    streams[0]?.leave();
    await waitFor(async () => (await slotsOf(id)) === 1);
    const again = await openStream(pod, key, 'BTC');
    expect(again.status).toBe(200);
    for (const stream of [...streams, again]) stream.leave();
    await waitFor(async () => (await slotsOf(id)) === 0);
  });

  test('when the process has as many as it takes', async () => {
    const small = await harness.startPod({ streams: { streamsMax: 2 } });
    const key = await harness.putKey({ tier: 'two', id: 'small' });
    const streams = [await openStream(small, await harness.putKey(), 'BTC'), await openStream(small, key, 'BTC')];
    const refused = await small.get('/prices/stream?assets=BTC', key);
    expect([refused.status, refused.body['code']]).toEqual([503, 'STREAMS_FULL']);
    expect(await slotsOf('small')).toBe(1);
    streams[0]?.leave();
    await waitFor(async () => (await count(small, 'weir_price_streams')) === 1);
    expect((await openStream(small, key, 'BTC')).status).toBe(200);
    await small.stop();
  });

  test('a HEAD opens none', async () => {
    const headers = { authorization: `Bearer ${await harness.putKey()}` };
    const answer = await fetch(`${pod.url}/prices/stream?assets=BTC`, { method: 'HEAD', headers });
    expect(answer.status).toBe(405);
  });
});

describe('a stream ends', () => {
  const ended = (stream: StreamClient): Promise<Readonly<Record<string, unknown>>> =>
    waitFor(() => stream.hasEnded && stream.of('end')[0]);

  test('when its key is revoked, and none of another key does', async () => {
    const key = await harness.putKey();
    const streams = await Promise.all(['BTC', 'ETH', 'C1', 'C2'].map((asset) => openStream(pod, key, asset)));
    const other = await openStream(pod, await harness.putKey(), 'BTC');
    const startedMs = systemClock.monotonicMs();
    await harness.valkey.bulk.call(
      'HSET',
      keyspace.apiKey.key({ sha256: hashKeyText(key) }),
      'revoked',
      '1',
      'version',
      '2',
    );
    for (const stream of streams) expect(await ended(stream)).toMatchObject({ code: 'KEY_REVOKED', status: 401 });
    // A machine that is busy may take its time for the rest.
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5_000);
    expect(other.hasEnded).toBe(false);
    other.leave();
  });

  test('when its policy allows it no more', async () => {
    const changing = (protocols: ('http' | 'sse')[]) =>
      policyDocument({ policy: 'weir/changing', tier: 'changing', limits: {}, access: { ...OPEN_ACCESS, protocols } });
    await harness.publishPolicies(changing(['sse']));
    const key = await harness.putKey({ tier: 'changing' });
    await waitFor(async () => (await pod.get('/price?asset=BTC', key)).body['code'] === 'PROTOCOL_NOT_ALLOWED');
    const stream = await openStream(pod, key, 'BTC');
    expect(stream.status).toBe(200);
    await harness.publishPolicies(changing(['http']));
    expect(await ended(stream)).toMatchObject({ code: 'PROTOCOL_NOT_ALLOWED' });
  });

  test('when a minute cannot be paid, and is paid by the minute until then', async () => {
    const { pod: slow, clock, stop } = await startSlowPod();
    const key = await harness.putKey({ tier: 'ten' });
    const stream = await openStream(slow, key, 'C1,C2,C3,C4');
    await waitFor(() => stream.events.length === 4);
    await pass(clock, 59_000);
    expect(stream.hasEnded).toBe(false);
    await pass(clock, 55_000);
    // Four at the start and four for the second minute.
    expect(stream.hasEnded).toBe(false);
    expect((await slow.get('/prices?assets=C1,C2,C3', key)).status).toBe(429);
    await pass(clock, 10_000);
    // Two of the four are paid, and the bucket has half a minute for the others.
    expect(stream.hasEnded).toBe(false);
    await pass(clock, 30_000);
    const end = await ended(stream);
    expect(end).toMatchObject({ code: 'RATE_LIMITED', status: 429, retry_ms: expect.any(Number) });
    await stop();
  });

  test('when its client does not read, which others do not notice', async () => {
    const limits = { ...STREAM_LIMITS, slowMs: 1_000 };
    const small = await harness.startPod({ streams: { limits } });
    const key = await harness.putKey();
    const reading = await openStream(small, key, 'BTC');
    const lazy = await openStream(small, key, MANY.join(','), false);
    // 100 pairs of 300 bytes a round, until the buffers of the system are full and 1 s has passed.
    let price = 0;
    await waitFor(async () => {
      price += 1;
      const nowMs = harness.valkey.serverTimeMs();
      const news = { priceText: `${price}.${'5'.repeat(15)}`, confirmedAtMs: nowMs, seq: Math.round(nowMs * 1_000) };
      const records = MANY.map((asset) => priceRecord({ ...news, asset }));
      batch += 1;
      await harness.sendBatch({ number: batch, records });
      return (await count(small, 'weir_price_streams_ended_total{reason="slow"}')) === 1;
    }, 100_000);
    expect(reading.hasEnded).toBe(false);
    const told = reading.events.length;
    await publish('BTC', '1234.5');
    await waitFor(() => reading.events.length > told);
    lazy.read();
    await waitFor(() => lazy.hasEnded);
    reading.leave();
    await small.stop();
  }, 120_000);
});

test('slots are held for as long as a stream lasts, and are put back when Valkey has lost them', async () => {
  const { pod: slow, clock, stop } = await startSlowPod();
  const stream = await openStream(slow, await harness.putKey({ tier: 'two', id: 'held' }), 'BTC');
  expect(await slotsOf('held')).toBe(1);
  await harness.valkey.bulk.call('DEL', keyspace.slots.key({ key_id: 'held' }));
  await pass(clock, 11_000);
  await waitFor(async () => (await slotsOf('held')) === 1);
  stream.leave();
  await waitFor(async () => (await slotsOf('held')) === 0);
  await stop();
});

test('a stream on which nothing changes sends comments, and says when its price gets old', async () => {
  const { pod: slow, clock, stop } = await startSlowPod();
  const nowMs = harness.valkey.serverTimeMs();
  await harness.putPrice({ asset: 'C99', confirmedAtMs: nowMs - 14_900, seq: Math.round(nowMs * 1_000) + 1 });
  batch += 1;
  await harness.sendBatch({ number: batch + 1_000 });
  const stream = await openStream(slow, await harness.putKey(), 'C99');
  await waitFor(() => stream.events.length === 1);
  // Its age is told by Valkey's time, which does not move with the clock of the pod.
  await waitFor(async () => {
    await clock.advance(1_000);
    return stream.of('price').some(({ status }) => status === 'stale');
  });
  await pass(clock, 21_000);
  await waitFor(() => stream.comments >= 2);
  stream.leave();
  await stop();
});
