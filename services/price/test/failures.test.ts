/** What happens to requests when a store is away, loses its data, or when messages are lost on the way. */
import { createServer } from 'node:http';
import { systemClock } from '@weir/clock';
import { hashKeyText, issueKey, keyMigrations } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestPostgres,
  waitFor,
  type TestPostgres,
} from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness } from './harness.ts';
import { openStream } from './stream-client.ts';

let harness: Harness;
let database: TestPostgres;
let postgres: Postgres;

const parts = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };

async function publishDocuments(): Promise<void> {
  await harness.publishFeeds(feedDocument({ assets: ['BTC', 'ETH'] }));
  await harness.publishPolicies(policyDocument({ limits: {} }));
}

beforeAll(async () => {
  [harness, database] = await Promise.all([startHarness(), startTestPostgres()]);
  postgres = createPostgres({ ...parts, url: database.url });
  await migrate(postgres, keyMigrations, silentLogger);
  await publishDocuments();
  await harness.putPrice({ asset: 'BTC' });
}, 60_000);

afterAll(async () => {
  await harness.stop();
  await postgres.close();
  await database.stop();
});

const issue = () => issueKey(postgres, harness.valkey.bulk, { name: 'demo', project: 'acme', tier: 'pro', policy: '' });

test('without Valkey a price in memory is served with its true, growing age', async () => {
  await using proxy = await startProxy(harness.server);
  const pod = await harness.startPod({ url: `redis://127.0.0.1:${proxy.port}` });
  const key = await harness.putKey();
  const first = await pod.get('/price?asset=BTC', key);
  expect(first.status).toBe(200);
  proxy.refuse(true);
  proxy.cut();
  const age = async (): Promise<number> => Number((await pod.get('/price?asset=BTC', key)).body['age_ms']);
  await waitFor(async () => (await age()) > Number(first.body['age_ms']) + 100);
  expect((await pod.get('/price?asset=BTC', key)).body['price_text']).toBe(first.body['price_text']);
  proxy.refuse(false);
  const record = await harness.putPrice({ asset: 'BTC', priceText: '104' });
  await waitFor(async () => {
    await harness.sendBatch({ number: 1, records: [record] });
    return (await pod.get('/price?asset=BTC', key)).body['price_text'] === '104';
  });
  await pod.stop();
});

test('without Valkey an open stream goes on, says that its price ages, and goes on with the news when Valkey is back', async () => {
  await using proxy = await startProxy(harness.server);
  const pod = await harness.startPod({ url: `redis://127.0.0.1:${proxy.port}` });
  const nowMs = harness.valkey.serverTimeMs();
  // Fresh for one more second: what tells its age is the stream's own clock.
  await harness.putPrice({ asset: 'ETH', confirmedAtMs: nowMs - 4_000, seq: Math.round(nowMs * 1_000) });
  const stream = await openStream(pod, await harness.putKey(), 'ETH');
  await waitFor(() => stream.of('price')[0]);
  proxy.refuse(true);
  proxy.cut();
  await waitFor(() => stream.of('price').at(-1)?.['status'] === 'aging');
  expect(stream.hasEnded).toBe(false);
  proxy.refuse(false);
  const record = await harness.putPrice({ asset: 'ETH', priceText: '205' });
  await waitFor(async () => {
    await harness.sendBatch({ number: 2, records: [record] });
    return stream.of('price').at(-1)?.['price_text'] === '205';
  });
  expect(stream.hasEnded).toBe(false);
  stream.leave();
});

test('after a FLUSHALL nobody who was served is turned away, and keys in use are back within 3 s', async () => {
  const pod = await harness.startPod({ postgres });
  const { text: key } = await issue();
  expect((await pod.get('/price?asset=BTC', key)).status).toBe(200);
  await harness.valkey.bulk.call('FLUSHALL');
  const flushedMs = systemClock.monotonicMs();
  const statuses = new Set<number>();
  await waitFor(async () => {
    statuses.add((await pod.get('/price?asset=BTC', key)).status);
    return String(await harness.valkey.bulk.call('KEYS', keyspace.apiKey.key({ sha256: '*' }))) !== '';
  });
  expect(systemClock.monotonicMs() - flushedMs).toBeLessThan(3_000);
  expect([...statuses]).toEqual([200]);
  await publishDocuments();
  await harness.putPrice({ asset: 'BTC' });
  await pod.stop();
});

test('without Postgres a key that Valkey knows is served, and one that nobody knows is 503, never 401', async () => {
  const target = new URL(database.url);
  await using proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
  target.port = String(proxy.port);
  const away = createPostgres({ ...parts, url: target.href });
  const pod = await harness.startPod({ postgres: away });
  const [known, lost] = [await issue(), await issue()];
  await harness.valkey.bulk.call('DEL', keyspace.apiKey.key({ sha256: hashKeyText(lost.text) }));
  proxy.refuse(true);
  proxy.cut();
  expect((await pod.get('/price?asset=BTC', known.text)).status).toBe(200);
  const refused = await pod.get('/price?asset=BTC', lost.text);
  expect(refused.body).toMatchObject({ status: 503, code: 'KEY_STORE_UNAVAILABLE' });
  expect(refused.headers.get('retry-after')).toBe('1');
  proxy.refuse(false);
  await waitFor(async () => (await pod.get('/price?asset=BTC', lost.text)).status === 200);
  await pod.stop();
  await away.close();
});

test('a request under way when the process stops is answered', async () => {
  await using proxy = await startProxy(harness.server);
  const pod = await harness.startPod({ url: `redis://127.0.0.1:${proxy.port}` });
  const key = await harness.putKey();
  proxy.delayReplies(30);
  const asking = pod.get('/price?asset=BTC', key);
  await waitFor(async () => Number(/weir_keys_cached (\d+)/.exec((await pod.get('/metrics')).text)?.[1]) > 0);
  const stopping = pod.stop();
  expect((await asking).status).toBe(200);
  await stopping;
  await expect(fetch(`${pod.url}/livez`)).rejects.toThrow('fetch failed');
});

test('sampled requests and batches are traces, continued from whoever sent them', async () => {
  const spans: string[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const address = collector.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const telemetry = createTestTelemetry({
    otlpEndpoint: `http://127.0.0.1:${port}`,
    traceSampleRatio: 0,
    spanIntervalMs: 20,
  });
  const pod = await harness.startPod({ telemetry });
  const key = await harness.putKey();
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await pod.get('/price?asset=BTC', key, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  await pod.get('/price?asset=BTC', key);
  await harness.sendBatch({ number: 1, traceparent: `00-${'c'.repeat(32)}-b7ad6b7169203331-01` });
  await waitFor(() => spans.join('').includes('apply price updates'));
  const text = spans.join('');
  expect(text).toContain('c'.repeat(32));
  expect(text).toContain(traceId);
  expect(text).toContain('HGETALL');
  expect(text.match(/"name":"GET \/price"/g)).toHaveLength(1);
  expect(text).not.toContain(key);
  await pod.stop();
  collector.close();
});
