import { keyspace } from '@weir/keyspace';
import { migrate } from '@weir/postgres';
import { silentLogger, startProxy } from '@weir/testing';
import { decodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeyText, hashKeyText, issueKey, keyMigrations, revokeKey } from '../index.ts';
import { findKeysByHash } from '../key-statements.ts';
import { storeKey } from '../store-key.ts';
import { openValkey, startStores, type Stores } from './stores.ts';

let stores: Stores;

beforeAll(async () => {
  stores = await startStores();
}, 60_000);

afterAll(() => stores.stop());

const request = { name: 'demo', project: 'acme', tier: 'pro', policy: '' } as const;
const issue = (changes: Partial<Parameters<typeof issueKey>[2]> = {}) =>
  issueKey(stores.postgres, stores.valkey.bulk, { ...request, ...changes });

const cachedAt = async (sha256: string): Promise<ApiKeyRecord | undefined> =>
  decodeApiKeyRecord(await stores.valkey.bulk.hgetall(keyspace.apiKey.key({ sha256 })));
const storedAt = async (sha256: string): Promise<ApiKeyRecord | undefined> =>
  (await findKeysByHash(stores.postgres, [sha256])).get(sha256);

test('the tables migrate once, whoever does it how often', async () => {
  const again = () => migrate(stores.postgres, keyMigrations, silentLogger);
  await Promise.all([again(), again(), again()]);
});

test('a fresh key is the same in Postgres and in Valkey, for a day', async () => {
  const expiresAtMs = Date.UTC(2027, 0, 1, 0, 0, 0, 7);
  const { text, record } = await issue({ expiresAtMs, policy: 'weir/pro', mode: 'test' });
  expect(text).toMatch(/^weir_test_/);
  expect(record).toMatchObject({ name: 'demo', tier: 'pro', policy: 'weir/pro', expiresAtMs, revoked: false });
  expect(await storedAt(hashKeyText(text))).toEqual(record);
  expect(await cachedAt(hashKeyText(text))).toEqual(record);
  const ttlSeconds = await stores.valkey.bulk.call('TTL', keyspace.apiKey.key({ sha256: hashKeyText(text) }));
  expect(Number(ttlSeconds)).toBeGreaterThan(86_300);
  expect(Number(ttlSeconds)).toBeLessThanOrEqual(86_400);
});

test('the text is in neither store', async () => {
  const { text } = await issue();
  const secret = text.slice('weir_live_'.length);
  const tables = await stores.postgres.query<{ row: string }>(
    `SELECT (api_key.*)::text || (api_key_hash.*)::text AS row FROM api_key JOIN api_key_hash ON api_key_id = id`,
  );
  expect(tables.length).toBeGreaterThan(0);
  expect(tables.filter(({ row }) => row.includes(secret))).toEqual([]);
  const fields = await stores.valkey.bulk.hgetall(keyspace.apiKey.key({ sha256: hashKeyText(text) }));
  expect(JSON.stringify(fields)).not.toContain(secret);
});

test('a text that was brought along and a fresh one take the same way', async () => {
  const text = createKeyText('live');
  const { record } = await issue({ text });
  expect(record).toMatchObject({ name: 'demo', version: 1 });
  expect(await cachedAt(hashKeyText(text))).toEqual(record);
});

test('issuing a text again keeps its id, and raises the version only when something changes', async () => {
  const { text, record } = await issue();
  expect((await issue({ text })).record).toEqual(record);
  const changed = (await issue({ text, tier: 'gold' })).record;
  expect(changed).toEqual({ ...record, tier: 'gold', version: 2 });
  expect(await cachedAt(hashKeyText(text))).toEqual(changed);
});

test('many who issue one text at once make one key', async () => {
  const text = createKeyText('live');
  const issued = await Promise.all(Array.from({ length: 20 }, () => issue({ text })));
  expect(new Set(issued.map(({ record }) => record.id)).size).toBe(1);
});

test('of projects that take one text at once one gets it, and the others are told why not', async () => {
  const text = createKeyText('live');
  const projects = Array.from({ length: 8 }, (_, index) => `project-${index}`);
  const ends = await Promise.allSettled(projects.map((project) => issue({ text, project })));
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as { code: string }] : []));
  expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(['RESOURCE_INVALID']));
});

test('refuses a text that is no key, and one that belongs to another project', async () => {
  await expect(issue({ text: 'weir_live_mine' })).rejects.toMatchObject({ code: 'KEY_MALFORMED' });
  const { text } = await issue();
  await expect(issue({ text, project: 'others' })).rejects.toMatchObject({ code: 'RESOURCE_INVALID' });
});

test('a revocation reaches every text of the key, and issuing it again does not lift it', async () => {
  const { text, record } = await issue();
  const rotated = createKeyText('live');
  await stores.postgres.query('INSERT INTO api_key_hash (sha256, api_key_id) VALUES ($1, $2)', [
    hashKeyText(rotated),
    record.id,
  ]);
  expect(await revokeKey(stores.postgres, stores.valkey.bulk, record.id)).toBe(true);
  const revoked = { ...record, revoked: true, version: 2 };
  for (const each of [text, rotated]) expect(await cachedAt(hashKeyText(each))).toEqual(revoked);
  expect((await issue({ text })).record.revoked).toBe(true);
});

test('revoking a key that is not there says so', async () => {
  const id = '00000000-0000-4000-8000-000000000000';
  expect(await revokeKey(stores.postgres, stores.valkey.bulk, id)).toBe(false);
});

test('every change of a key raises its version, by whatever statement, and nothing else does', async () => {
  const { record } = await issue();
  const update = async (assignment: string): Promise<unknown> => {
    const sql = `UPDATE api_key SET ${assignment} WHERE id = $1 RETURNING version::int`;
    const [row] = await stores.postgres.query<{ version: number }>(sql, [record.id]);
    return row?.version;
  };
  expect(await update('rate_limit_qps = 5')).toBe(2);
  expect(await update('rate_limit_qps = 5')).toBe(2);
  expect(await update('version = 1')).toBe(3);
  expect(await update('current_usage = 9007199254740991')).toBe(4);
});

test('in any order of writes the newest version stays', async () => {
  const { text, record } = await issue();
  const sha256 = hashKeyText(text);
  const versions = [3, 7, 2, 5, 7, 1, 6].map((version) => ({ ...record, version, name: `v${version}` }));
  const written = await Promise.all(versions.map((each) => storeKey(stores.valkey.bulk, sha256, each)));
  expect(written).toEqual([true, true, false, false, true, false, false]);
  expect(await cachedAt(sha256)).toMatchObject({ version: 7, name: 'v7' });
});

test('a key is issued while Valkey is away', async () => {
  await using proxy = await startProxy(stores.server);
  const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`);
  await valkey.ready();
  proxy.refuse(true);
  proxy.cut();
  const { text, record } = await issueKey(stores.postgres, valkey.bulk, request);
  expect(await storedAt(hashKeyText(text))).toEqual(record);
  await valkey.close();
});

test('a change of a key rejects while Valkey is away, and repeated reaches every text of the key', async () => {
  await using proxy = await startProxy(stores.server);
  const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`);
  await valkey.ready();
  const { text, record } = await issue();
  const rotated = createKeyText('live');
  await stores.postgres.query('INSERT INTO api_key_hash (sha256, api_key_id) VALUES ($1, $2)', [
    hashKeyText(rotated),
    record.id,
  ]);
  proxy.refuse(true);
  proxy.cut();
  const change = { ...request, text, tier: 'gold' };
  await expect(issueKey(stores.postgres, valkey.bulk, change)).rejects.toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
  await issueKey(stores.postgres, stores.valkey.bulk, change);
  const [current, ended] = await Promise.all([text, rotated].map((each) => cachedAt(hashKeyText(each))));
  expect(current).toMatchObject({ id: record.id, tier: 'gold', version: 3 });
  expect(ended).toEqual({ ...current, expiresAtMs: ended?.expiresAtMs });
  await valkey.close();
});
