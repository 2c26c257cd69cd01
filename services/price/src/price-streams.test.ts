/** A thousand streams at once, on a feed of ten thousand assets: what they cost, what they are sent, how they end. */
import { keyspace } from '@weir/keyspace';
import { createFakeClock, createTestTelemetry, silentLogger } from '@weir/testing';
import { encodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';
import { describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, priceRecord } from '../test/samples.ts';
import { createJudge } from './authorize.ts';
import { createPriceMetrics } from './metrics.ts';
import { createPolicyDirectory } from './policy-directory.ts';
import { UNLIMITED } from './price-api.ts';
import { STREAM_LIMITS } from './price-stream.ts';
import { createPriceStreams, type ClientSink } from './price-streams.ts';
import { createPriceTable } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { createStreamMetrics } from './stream-metrics.ts';

const ASSETS = Array.from({ length: 10_000 }, (_, index) => `C${index}`);
const UPDATES_PER_ROUND = 200;
const EVENT_BYTES_MAX = 500;
/** Small, so that a client is behind soon. */
const LIMITS = { ...STREAM_LIMITS, pendingBytesMax: 8_000 };

interface Client extends ClientSink {
  readonly texts: string[];
  pendingBytes: number;
  pendingBytesMost: number;
  isGone: boolean;
}

/** One that takes at once what it is sent, or nothing at all. */
function newClient(isReading: boolean): Client {
  return {
    texts: [],
    pendingBytes: 0,
    pendingBytesMost: 0,
    isGone: false,
    write(text) {
      this.texts.push(text);
      if (isReading) return;
      this.pendingBytes += text.length;
      this.pendingBytesMost = Math.max(this.pendingBytesMost, this.pendingBytes);
    },
    end(text) {
      this.texts.push(text);
    },
    destroy() {
      this.isGone = true;
    },
  };
}

function keyRecord(id: string): ApiKeyRecord {
  const names = { userId: '', projectId: 'p1', teamId: '', name: 'test', tier: 'pro', policy: '' };
  const facts = { currentUsage: 0, revoked: false, lrsEnabled: true, createdAtMs: 0, version: 1 };
  return { id, ...names, ...facts };
}

function startStreams(keys: number) {
  const clock = createFakeClock();
  const telemetry = createTestTelemetry();
  const metrics = createPriceMetrics(telemetry);
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument({ assets: ASSETS })]]), 0);
  const policies = createPolicyDirectory('sse');
  policies.replace(new Map([['weir/pro', policyDocument({ limits: {} })]]));
  const serverTimeMs = (): number => clock.nowMs();
  const judge = createJudge({ policies, metrics, serverTimeMs });
  const records = Array.from({ length: keys }, (_, index) => keyRecord(String(index)));
  const stored = new Map(records.map((record) => [nameOf(record), encodeApiKeyRecord(record)]));
  const seen = { keyReads: 0, judged: 0, randoms: 0 };
  const hgetall = (name: string): Promise<Record<string, string>> => {
    seen.keyReads += 1;
    return Promise.resolve({ ...stored.get(name) });
  };
  const streams = createPriceStreams({
    api: { table, metrics, serverTimeMs, limiter: { decide: () => UNLIMITED }, reader: { check: () => undefined } },
    valkey: { bulk: { hgetall } },
    clock,
    logger: silentLogger,
    metrics: createStreamMetrics(telemetry),
    authorizeHash: () => judge(keyRecord('any')),
    judge: (record) => {
      seen.judged += 1;
      return judge(record);
    },
    streamsMax: 1_000,
    limits: LIMITS,
    random: () => (seen.randoms++ * 0.618) % 1,
  });
  let seq = 0;
  const update = (asset: string): void => {
    seq += 1;
    const priceText = String(seq);
    table.apply(priceRecord({ asset, priceText, seq, confirmedAtMs: clock.nowMs() }), clock.nowMs());
  };
  for (const asset of ASSETS) update(asset);
  /** The pairs of a client are its own mixture; neighbours share some. */
  const open = (index: number, client: Client, pairs = 10): (() => void) => {
    const record = records[index % keys];
    const access = record === undefined ? undefined : judge(record);
    if (record === undefined || access === undefined || access instanceof Refusal) throw new Error('no access');
    const slots = assetsOf(index, pairs).flatMap((asset) => table.slot(asset) ?? []);
    return streams.open({ access, sha256: record.id, slots, concurrency: undefined, sink: client });
  };
  return { clock, table, streams, stored, seen, update, open };
}

const nameOf = ({ id }: ApiKeyRecord): string => keyspace.apiKey.key({ sha256: id });

const assetsOf = (index: number, pairs: number): readonly string[] =>
  Array.from({ length: pairs }, (_, pair) => `C${(index * 37 + pair * 101) % ASSETS.length}`);

function lastPrices({ texts }: Client): ReadonlyMap<string, string> {
  const found = texts.join('').matchAll(/"asset":"(\w+)".*?"price_text":"(\d+)"/g);
  return new Map([...found].map(([, asset = '', priceText = '']) => [asset, priceText]));
}

describe('a thousand streams on 10,000 assets with 2,000 updates a second', () => {
  test('each tell the newest of their pairs; those that nobody reads hold little and are dropped', async () => {
    const { clock, table, streams, update, open } = startStreams(1_000);
    const clients = Array.from({ length: 1_000 }, (_, index) => newClient(index % 10 !== 0));
    for (const [index, client] of clients.entries()) open(index, client);
    let next = 0;
    for (let round = 0; round < 200; round += 1) {
      for (let count = 0; count < UPDATES_PER_ROUND; count += 1) {
        next = (next + 7_919) % ASSETS.length;
        update(`C${next}`);
      }
      await clock.advance(100);
    }
    for (const [index, client] of clients.entries()) {
      expect(client.isGone).toBe(index % 10 === 0);
      // What was sent before it was behind, and one round of ten prices.
      if (client.isGone) expect(client.pendingBytesMost).toBeLessThan(LIMITS.pendingBytesMax + 10 * EVENT_BYTES_MAX);
      else for (const [asset, text] of lastPrices(client)) expect(text).toBe(table.slot(asset)?.record?.priceText);
    }
    expect(streams.size).toBe(900);
    streams.close();
  }, 60_000);

  test('look thoroughly at a tenth of them a round, so that no round keeps requests waiting', async () => {
    const { clock, streams, seen, open } = startStreams(1_000);
    for (let index = 0; index < 1_000; index += 1) open(index, newClient(true));
    for (let round = 0; round < 20; round += 1) {
      const before = seen.judged;
      await clock.advance(100);
      expect(seen.judged - before).toBe(100);
    }
    streams.close();
  });

  test('take one look every 0.8 s into Valkey for each key, however many streams it has', async () => {
    const { clock, streams, seen, open } = startStreams(3);
    const leaves = Array.from({ length: 300 }, (_, index) => open(index, newClient(true)));
    await clock.advance(4_000);
    expect(seen.keyReads).toBe(15);
    for (const leave of leaves.slice(0, -1)) leave();
    await clock.advance(4_000);
    expect(seen.keyReads).toBe(20);
    streams.close();
  });

  test('end within a second of the revocation of their key, and no others do', async () => {
    const { clock, streams, stored, open } = startStreams(4);
    const clients = Array.from({ length: 1_000 }, () => newClient(true));
    for (const [index, client] of clients.entries()) open(index, client);
    // The keys have just been read: it takes longest now.
    await clock.advance(1_600);
    const revoked = { ...keyRecord('2'), revoked: true, version: 2 };
    stored.set(nameOf(revoked), encodeApiKeyRecord(revoked));
    await clock.advance(900);
    for (const [index, { texts }] of clients.entries())
      expect(texts.at(-1)?.includes('"code":"KEY_REVOKED"')).toBe(index % 4 === 2);
    expect(streams.size).toBe(750);
    streams.close();
  });

  test('end at once when the process stops, and are told to come back at different times', async () => {
    const { clock, streams, open } = startStreams(1_000);
    const clients = Array.from({ length: 1_000 }, () => newClient(true));
    for (const [index, client] of clients.entries()) open(index, client);
    expect(streams.isFull).toBe(true);
    streams.close();
    expect([streams.size, streams.isFull]).toEqual([0, true]);
    const waits = clients.map(({ texts }) => Number(/^retry: (\d+)\nevent: end\ndata: /.exec(texts.at(-1) ?? '')?.[1]));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_500);
    for (const quarter of [0, 1, 2, 3]) {
      const back = waits.filter((ms) => Math.floor((ms - 500) / 500.1) === quarter);
      expect(back.length).toBeGreaterThan(200);
    }
    await clock.advance(5_000);
    expect(clients.every(({ isGone }) => isGone)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
