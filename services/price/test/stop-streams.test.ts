/** A stop with streams open: all are told, nobody is waited for longer than there is time, and others take them up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STREAM_LIMITS } from '../src/price-stream.ts';
import { feedDocument, policyDocument, priceRecord, startHarness, type Harness } from './harness.ts';
import { openStream } from './stream-client.ts';

const MANY = Array.from({ length: 100 }, (_, index) => `C${index}`);
const MAIN = path.join(import.meta.dirname, '..', 'src', 'main.ts');
/** What a stop may take, by default; a pod of Kubernetes has 30 s. */
const STOP_MS_MAX = 10_000;

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument({ assets: ['BTC', ...MANY] }));
  await harness.publishPolicies(policyDocument({ limits: { concurrency: 10 } }));
  await Promise.all(['BTC', ...MANY].map((asset) => harness.putPrice({ asset })));
}, 60_000);

afterAll(() => harness.stop());

test('SIGTERM ends every stream with its reason and a time to come back, gives its slot back, and another server takes it', async () => {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'price-leaving',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      // Nobody listens there, and nobody need.
      WEIR_POSTGRES_URL: 'postgres://weir@127.0.0.1:1/weir',
      REDIS_URL: harness.server.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  try {
    const listening = await waitFor(() => lines.find((line) => line.includes('"listening"')));
    const url = /"url":"([^"]+)"/.exec(listening)?.[1] ?? '';
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200);
    const key = await harness.putKey({ id: 'leaving' });
    const streams = await Promise.all(['BTC', 'C1', 'C2'].map((asset) => openStream({ url }, key, asset)));
    await waitFor(() => streams.every(({ events }) => events.length > 0));
    const startedMs = systemClock.monotonicMs();
    child.kill('SIGTERM');
    await waitFor(() => streams.every(({ hasEnded }) => hasEnded), STOP_MS_MAX);
    for (const stream of streams) {
      const [end] = stream.of('end');
      expect(end).toMatchObject({ code: 'DRAINING', status: 503, retry_ms: expect.any(Number) });
    }
    expect(await exited).toEqual([0, null]);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(STOP_MS_MAX);
    const slots = keyspace.slots.key({ key_id: 'leaving' });
    expect(await harness.valkey.bulk.call('ZCARD', slots)).toBe(0);
    const other = await harness.startPod();
    const again = await openStream(other, key, 'BTC');
    expect(again.status).toBe(200);
    again.leave();
  } finally {
    child.kill('SIGKILL');
  }
}, 60_000);

test('a client that does not take its last event holds no stop up', async () => {
  const limits = { ...STREAM_LIMITS, slowMs: 600_000 };
  const pod = await harness.startPod({ streams: { limits } });
  const lazy = await openStream(pod, await harness.putKey(), MANY.join(','), false);
  const sent = async (): Promise<number> => {
    const line = /^weir_price_stream_events_total.* (\d+)$/m.exec((await pod.get('/metrics')).text);
    return Number(line?.[1] ?? 0);
  };
  let price = 0;
  let before = -1;
  let standstills = 0;
  // Until the buffers of the system are full: nothing more is written, although prices change.
  await waitFor(async () => {
    price += 1;
    const nowMs = harness.valkey.serverTimeMs();
    const news = { priceText: `${price}.${'5'.repeat(15)}`, confirmedAtMs: nowMs, seq: Math.round(nowMs * 1_000) };
    await harness.sendBatch({ number: price, records: MANY.map((asset) => priceRecord({ ...news, asset })) });
    const now = await sent();
    standstills = now === before ? standstills + 1 : 0;
    before = now;
    return standstills > 200;
  }, 100_000);
  const startedMs = systemClock.monotonicMs();
  await pod.stop();
  expect(systemClock.monotonicMs() - startedMs).toBeLessThan(STOP_MS_MAX);
  lazy.read();
  await waitFor(() => lazy.hasEnded);
  expect(lazy.of('end')).toEqual([]);
}, 120_000);
