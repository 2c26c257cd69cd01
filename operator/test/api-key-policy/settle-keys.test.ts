/** Secrets in memory, keys in a real Postgres and a real Valkey. */
import { createKeyText, hashKeyText, keyMigrations } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import { compileApiKeyPolicy } from '@weir/crds';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestPostgres,
  startTestValkey,
} from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { systemClock } from '@weir/clock';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApiKeyPolicy, Secret } from '../../src/api-key-policy/policy.ts';
import type { KeyReport } from '../../src/api-key-policy/key-report.ts';
import { settleKeys, withdrawKeys } from '../../src/api-key-policy/settle-keys.ts';
import { KubeError } from '../../src/kube/index.ts';
import { createMemoryKube, refuse, type MemoryKube } from './memory-kube.ts';
import { samplePolicy } from './sample-policy.ts';

const parts = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
const stops: (() => Promise<void>)[] = [];
const { signal } = new AbortController();
let valkey: Valkey;
let postgres: Postgres;
let postgresUrl: string;

beforeAll(async () => {
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  valkey = createValkey({ ...parts, target: parseValkeyUrl(server.url), clientName: 'test' });
  postgresUrl = database.url;
  postgres = createPostgres({ ...parts, url: postgresUrl });
  stops.push(
    () => valkey.close(),
    () => postgres.close(),
    () => server.stop(),
    () => database.stop(),
  );
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
}, 60_000);

afterAll(async () => {
  for (const stop of stops) await stop();
});

const HOUR_MS = 3_600_000;
let kube: MemoryKube;
let clock: ReturnType<typeof createFakeClock>;
let isFenced: boolean;
let name: string;
let count = 0;
beforeEach(() => {
  kube = createMemoryKube();
  clock = createFakeClock(systemClock.nowMs());
  isFenced = false;
  count += 1;
  name = `p${count}`;
});

const key = (changes: object = {}): object => ({
  name: 'acme',
  project: 'acme',
  secretRef: { name: 'acme-key' },
  ...changes,
});
const policyOf = (...keys: readonly object[]): ApiKeyPolicy => samplePolicy({ keys }, { name });

function settle(policy: ApiKeyPolicy, through: Postgres = postgres): Promise<KeyReport> {
  const fence = {
    isLeader: !isFenced,
    check: () => {
      if (isFenced) throw new KubeError({ kind: 'fenced', message: 'fenced' });
    },
  };
  const config = { keyMode: 'test' } as Parameters<typeof settleKeys>[0]['config'];
  const { name: called, namespace = '' } = policy.metadata;
  const document = compileApiKeyPolicy({ metadata: { name: called, namespace }, spec: policy.spec });
  const deps = { kube, postgres: through, valkey, clock, config, fence };
  return settleKeys(deps, { policy, document, tier: 'pro', signal });
}

const textOf = (secret: Secret | undefined): string => Buffer.from(secret?.data?.['key'] ?? '', 'base64').toString();
const issuedText = (): string => textOf(kube.secrets.get('acme-key'));
const putText = (text: string): void => {
  const secret = kube.secrets.get('acme-key');
  if (secret === undefined) throw new Error('there is no Secret');
  kube.secrets.set('acme-key', { ...secret, data: { key: Buffer.from(text).toString('base64') } });
};
const foreign = (text: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'acme-key', namespace: 'weir', resourceVersion: '1' },
  data: { key: Buffer.from(text).toString('base64') },
});
const endOf = async (text: string): Promise<string | undefined> =>
  (await valkey.bulk.hgetall(keyspace.apiKey.key({ sha256: hashKeyText(text) })))['expires_at'];
const hasEnded = async (text: string): Promise<boolean> => Date.parse((await endOf(text)) ?? '') <= systemClock.nowMs();
const only = (report: KeyReport) => report.keys[0];

describe('a key', () => {
  test('is in its Secret first, and a second look writes nothing', async () => {
    const policy = policyOf(key());
    const first = await settle(policy);
    expect(only(first)).toMatchObject({ state: { kind: 'active' }, happening: 'issued' });
    expect(await endOf(issuedText())).toBe('');
    const second = await settle(policy);
    expect(only(second)).toMatchObject({ state: { kind: 'active' } });
    expect(only(second)).not.toHaveProperty('happening');
    expect(kube.writes).toEqual(['create acme-key']);
  });

  test('is the text of whoever was faster', async () => {
    const text = createKeyText('live');
    kube.beforeWrite = () => void kube.secrets.set('acme-key', foreign(text));
    expect(only(await settle(policyOf(key())))).toMatchObject({ state: { kind: 'active' }, happening: 'taken' });
    expect(issuedText()).toBe(text);
    expect(await endOf(text)).toBe('');
  });

  test('whose Secret is gone is refused, also when no other one can be made', async () => {
    const policy = policyOf(key(), key({ name: 'beta', secretRef: { name: 'beta-key' } }));
    await settle(policy);
    const old = issuedText();
    kube.secrets.delete('acme-key');
    kube.beforeWrite = () => refuse('forbidden');
    const report = await settle(policy);
    expect(report.keys.map(({ state }) => state.kind)).toEqual(['unreachable', 'active']);
    expect(await hasEnded(old)).toBe(true);
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'active' }, happening: 'reissued' });
  });

  test('whose Secret holds no key any more is refused', async () => {
    const policy = policyOf(key());
    await settle(policy);
    const old = issuedText();
    putText('nonsense');
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'malformed' } });
    expect(await hasEnded(old)).toBe(true);
    putText(old);
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'active' }, happening: 'taken' });
    expect(await hasEnded(old)).toBe(false);
  });

  test('whose Secret cannot be read stays as it was', async () => {
    const policy = policyOf(key());
    await settle(policy);
    const old = issuedText();
    const { get } = kube;
    Object.assign(kube, { get: () => Promise.reject(new KubeError({ kind: 'forbidden', message: 'no' })) });
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'unreachable', problem: 'no' } });
    expect(await hasEnded(old)).toBe(false);
    Object.assign(kube, { get });
  });

  test('waits for the Secret of a policy of the same name to go', async () => {
    const policy = policyOf(key());
    await settle(policy);
    const old = issuedText();
    const reborn = { ...policy, metadata: { ...policy.metadata, uid: 'reborn' } };
    expect(only(await settle(reborn))).toMatchObject({ state: { kind: 'pending' } });
    kube.secrets.delete('acme-key');
    expect(only(await settle(reborn))).toMatchObject({ state: { kind: 'active' } });
    expect(issuedText()).not.toBe(old);
  });

  test('that expired without a Secret gets none', async () => {
    const policy = policyOf(key({ expiresAt: '2020-01-01T00:00:00Z' }));
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'expired' } });
    expect(kube.writes).toEqual([]);
  });

  test('that only an administrator revoked stays revoked', async () => {
    const policy = policyOf(key());
    await settle(policy);
    await postgres.query('UPDATE api_key SET revoked = true WHERE policy = $1', [`weir/${name}`]);
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'revoked' } });
    expect(kube.writes).toEqual(['create acme-key']);
  });
});

describe('rotation', () => {
  const rotating = (): ApiKeyPolicy => policyOf(key({ rotate: { every: '10h', overlap: '1h' } }));

  test('takes place when it is due, once', async () => {
    const policy = rotating();
    await settle(policy);
    const old = issuedText();
    const dueAtMs = clock.nowMs() + 10 * HOUR_MS;
    expect(only(await settle(policy))?.dueAtMs).toBe(dueAtMs);
    await clock.advance(10 * HOUR_MS - 1);
    await settle(policy);
    expect(issuedText()).toBe(old);
    await clock.advance(1);
    expect(only(await settle(policy))).toMatchObject({ happening: 'rotated', dueAtMs: dueAtMs + 10 * HOUR_MS });
    expect(issuedText()).not.toBe(old);
    expect(await endOf(old)).toBe(new Date(dueAtMs + HOUR_MS).toISOString());
    await settle(policy);
    expect(kube.writes).toEqual(['create acme-key', 'replace acme-key']);
  });

  test('does not overwrite what somebody wrote meanwhile, and is repeated at once', async () => {
    const policy = rotating();
    await settle(policy);
    await clock.advance(10 * HOUR_MS);
    const mine = createKeyText('live');
    kube.beforeWrite = () => {
      putText(mine);
      const secret = kube.secrets.get('acme-key');
      if (secret) kube.secrets.set('acme-key', { ...secret, metadata: { ...secret.metadata, resourceVersion: 'x' } });
    };
    // No state of the key: its policy would not be ready for a moment in which nothing is wrong.
    await expect(settle(policy)).rejects.toMatchObject({ kind: 'conflict' });
    expect(issuedText()).toBe(mine);
    expect(only(await settle(policy))).toMatchObject({ state: { kind: 'active' }, happening: 'rotated' });
    expect(Date.parse((await endOf(mine)) ?? '')).toBeGreaterThan(clock.nowMs());
  });

  test('waits for Postgres, as does a new key', async () => {
    const policy = rotating();
    await settle(policy);
    const old = issuedText();
    await clock.advance(10 * HOUR_MS);
    const target = new URL(postgresUrl);
    await using proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
    proxy.refuse(true);
    target.port = String(proxy.port);
    const away = createPostgres({ ...parts, url: target.href });
    const report = await settle(policy, away);
    expect(report.postgresFault).toMatchObject({ code: 'POSTGRES_UNAVAILABLE' });
    expect(issuedText()).toBe(old);
    kube.secrets.clear();
    await settle(policy, away);
    expect(kube.writes).toEqual(['create acme-key']);
    await away.close();
  });
});

describe('who may not write any more', () => {
  test('writes nothing', async () => {
    isFenced = true;
    await expect(settle(policyOf(key()))).rejects.toMatchObject({ kind: 'fenced' });
    expect(kube.writes).toEqual([]);
  });
});

test('the keys of a policy that is gone are withdrawn', async () => {
  await settle(policyOf(key()));
  const text = issuedText();
  const fence = { isLeader: true, check: () => undefined };
  const config = { keyMode: 'test' } as Parameters<typeof settleKeys>[0]['config'];
  const report = await withdrawKeys({ kube, postgres, valkey, clock, config, fence }, `weir/${name}`);
  expect(report.withdrawn).toEqual(['acme']);
  const cached = await valkey.bulk.hgetall(keyspace.apiKey.key({ sha256: hashKeyText(text) }));
  expect(cached['revoked']).toBe('1');
});
