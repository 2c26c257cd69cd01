/** A real Valkey with documents, prices and keys in it, and price servers over real HTTP. */
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '@weir/clock';
import { listen } from '@weir/http';
import { createKeyText, hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createLifecycle } from '@weir/lifecycle';
import type { Postgres } from '@weir/postgres';
import type { Telemetry } from '@weir/telemetry';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, publishDocuments, type Valkey } from '@weir/valkey';
import {
  encodeApiKeyRecord,
  encodePriceRecord,
  encodePriceUpdateBatch,
  formatPair,
  type ApiKeyRecord,
  type FeedDocument,
  type PolicyDocument,
  type PriceRecord,
  type PriceUpdateBatch,
} from '@weir/wire';
import { buildPrice } from '../src/app.ts';
import type { StreamSettings } from '../src/start-streams.ts';
import { feedDocument, policyDocument, priceRecord } from './samples.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Pod {
  readonly url: string;
  readonly node: string;
  readonly valkey: Valkey;
  readonly telemetry: Telemetry;
  get(path: string, key?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  stop(): Promise<void>;
}

export interface PodOptions {
  /** Of Valkey, when it is to be reached by way of a proxy. */
  readonly url?: string;
  readonly postgres?: Postgres;
  readonly clock?: Clock;
  readonly node?: string;
  readonly telemetry?: Telemetry;
  /** Deadline of decisions; patient by default, so that a busy machine is not taken for a hung Valkey. */
  readonly decideMs?: number;
  /** True when absent. */
  readonly awaitReady?: boolean;
  /** Of its UDP sessions; without one it serves no UDP. */
  readonly udpSecret?: string;
  readonly streams?: StreamSettings;
}

export interface Harness {
  readonly server: TestValkey;
  /** Another client's view of the same Valkey. */
  readonly valkey: Valkey;
  publishFeeds(...documents: FeedDocument[]): Promise<void>;
  /** Resolves to their number. */
  publishPolicies(...documents: PolicyDocument[]): Promise<number>;
  /** Puts a key into Valkey alone; returns its text. */
  putKey(changes?: Partial<ApiKeyRecord>): Promise<string>;
  /** Puts a price into Valkey without telling anybody. */
  putPrice(changes?: Partial<PriceRecord>): Promise<PriceRecord>;
  /** Sends a batch without writing to Valkey. */
  sendBatch(batch: Pick<PriceUpdateBatch, 'number'> & Partial<PriceUpdateBatch>): Promise<void>;
  startPod(options?: PodOptions): Promise<Pod>;
  stop(): Promise<void>;
}

const PATIENT_MS = 20_000;

function openValkey(url: string, telemetry: Telemetry, decideMs = PATIENT_MS): Valkey {
  const shared = { clock: systemClock, logger: silentLogger, telemetry, clientName: 'test' };
  return createValkey({ ...shared, target: parseValkeyUrl(url), deadlines: { decideMs } });
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  // A test reads the members it expects and fails on others.
  const body = isJson ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {};
  return { status: response.status, headers: response.headers, text, body };
}

export async function startHarness(): Promise<Harness> {
  const server = await startTestValkey();
  const valkey = openValkey(server.url, createTestTelemetry());
  await valkey.ready();
  const pods: Pod[] = [];

  const putPrice = async (changes: Partial<PriceRecord> = {}): Promise<PriceRecord> => {
    const nowMs = valkey.serverTimeMs();
    const record = priceRecord({ confirmedAtMs: Math.round(nowMs), seq: Math.round(nowMs * 1_000), ...changes });
    const json = encodePriceRecord(record, nowMs, feedDocument().freshness);
    await valkey.bulk.call('SET', keyspace.price.key({ pair: formatPair(record) }), json);
    return record;
  };

  return {
    server,
    valkey,
    publishFeeds: async (...documents) =>
      void (await publishDocuments(
        valkey.bulk,
        'feeds',
        jsonByField(documents, ({ feed }) => feed),
      )),
    publishPolicies: (...documents) =>
      publishDocuments(
        valkey.bulk,
        'policies',
        jsonByField(documents, ({ policy }) => policy),
      ),
    async putKey(changes = {}) {
      const text = createKeyText('test');
      const fields = Object.entries(encodeApiKeyRecord(keyRecord(changes))).flat();
      await valkey.bulk.call('HSET', keyspace.apiKey.key({ sha256: hashKeyText(text) }), ...fields);
      return text;
    },
    putPrice,
    async sendBatch(batch) {
      const json = encodePriceUpdateBatch({
        feed: 'weir/majors',
        lease: 'lease-1',
        madeAtMs: 0,
        records: [],
        confirmations: [],
        ...batch,
      });
      await valkey.bulk.call('PUBLISH', keyspace.priceUpdates.key(), json);
    },
    async startPod(options = {}) {
      const pod = await startPod(server, options);
      pods.push(pod);
      return pod;
    },
    async stop() {
      server.resume();
      await Promise.all(pods.map((pod) => pod.stop()));
      await valkey.close();
      await server.stop();
    },
  };
}

async function startPod(server: TestValkey, options: PodOptions): Promise<Pod> {
  const { clock = systemClock, postgres, node = `price-${randomUUID().slice(0, 8)}`, decideMs = PATIENT_MS } = options;
  const telemetry = options.telemetry ?? createTestTelemetry();
  const valkey = openValkey(options.url ?? server.url, telemetry, decideMs);
  const lifecycle = createLifecycle({ clock: systemClock, logger: silentLogger });
  lifecycle.onStop('telemetry', telemetry.close);
  lifecycle.onStop('valkey', valkey.close);
  const parts = { valkey, postgres, clock, logger: silentLogger, telemetry, lifecycle };
  const { udpSecret: secret } = options;
  const udp = secret === undefined ? undefined : { host: '127.0.0.1', port: 0, secret };
  const app = await buildPrice({ ...parts, node, version: '0.0.0', decideMs, udp, streams: options.streams });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
  lifecycle.markReady();
  if (options.awaitReady ?? true) await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200);
  return {
    url,
    node,
    valkey,
    telemetry,
    async get(path, key, headers = {}) {
      const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
      return readAnswer(await fetch(`${url}${path}`, { headers: { ...authorization, ...headers } }));
    },
    stop: () => lifecycle.stop('test over'),
  };
}

function jsonByField<T>(documents: readonly T[], fieldOf: (document: T) => string): ReadonlyMap<string, string> {
  return new Map(documents.map((document) => [fieldOf(document), JSON.stringify(document)]));
}

function keyRecord(changes: Partial<ApiKeyRecord>): ApiKeyRecord {
  return {
    id: randomUUID(),
    userId: '',
    projectId: 'p1',
    teamId: '',
    name: 'test',
    tier: 'pro',
    policy: '',
    currentUsage: 0,
    revoked: false,
    lrsEnabled: true,
    createdAtMs: Date.UTC(2026, 0, 1),
    version: 1,
    ...changes,
  };
}

export { feedDocument, policyDocument, priceRecord };
