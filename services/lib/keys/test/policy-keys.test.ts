import { randomUUID } from 'node:crypto';
import { keyspace } from '@weir/keyspace';
import { startProxy } from '@weir/testing';
import { decodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createKeyCache,
  createKeyText,
  findPoliciesWithKeys,
  hashKeyText,
  issueKey,
  revokeKey,
  settlePolicyKeys,
  type PolicyKeyEntry,
  type SettledKeys,
} from '../index.ts';
import { storeKey } from '../store-key.ts';
import { openValkey, parts, startStores, type Stores } from './stores.ts';

let stores: Stores;

beforeAll(async () => {
  stores = await startStores();
}, 60_000);

afterAll(() => stores.stop());

const HOUR_MS = 3_600_000;
const newPolicy = (): string => `shop/p-${randomUUID().slice(0, 8)}`;
const newHash = (): string => hashKeyText(createKeyText('test'));
const entry = (sha256: string | undefined, changes: Partial<PolicyKeyEntry> = {}): PolicyKeyEntry => ({
  name: 'acme',
  project: 'acme',
  tier: 'pro',
  ...(sha256 !== undefined && { sha256 }),
  ...changes,
});

async function settle(
  policy: string,
  entries: readonly PolicyKeyEntry[],
  names: readonly string[] = entries.map(({ name }) => name),
): Promise<SettledKeys & { readonly writes: number }> {
  let writes = 0;
  const beforeWrite = (): void => void (writes += 1);
  const { postgres, valkey } = stores;
  const settled = await settlePolicyKeys({ postgres, client: valkey.bulk, beforeWrite }, { policy, names, entries });
  return { ...settled, writes };
}

const idsOf = ({ outcomes }: SettledKeys): readonly (string | undefined)[] =>
  [...outcomes.values()].map((outcome) => (outcome.kind === 'granted' ? outcome.keyId : undefined));

const cachedAt = async (sha256: string): Promise<ApiKeyRecord | undefined> =>
  decodeApiKeyRecord(await stores.valkey.bulk.hgetall(keyspace.apiKey.key({ sha256 })));
const forget = (sha256: string): Promise<unknown> => stores.valkey.bulk.call('DEL', keyspace.apiKey.key({ sha256 }));

/** Rows that Postgres has written, in any table of keys. */
async function postgresWrites(): Promise<string> {
  const [row] = await stores.postgres.query<{ state: string }>(
    `SELECT (SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY id) FROM api_key) || '|' ||
            (SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY sha256) FROM api_key_hash) || '|' ||
            (SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY id) FROM project) AS state`,
  );
  return row?.state ?? '';
}

const isOver = (record: ApiKeyRecord | undefined): boolean => (record?.expiresAtMs ?? Infinity) <= Date.now();

test('a second run writes nothing, to either store', async () => {
  const policy = newPolicy();
  const [a, b] = [newHash(), newHash()];
  const entries = [entry(a, { expiresAtMs: Date.UTC(2030, 0, 1) }), entry(b, { name: 'beta' })];
  const first = await settle(policy, entries);
  expect([...first.outcomes.values()].map(({ kind }) => kind)).toEqual(['granted', 'granted']);
  expect(await cachedAt(a)).toMatchObject({ policy, name: 'acme', expiresAtMs: Date.UTC(2030, 0, 1), version: 1 });
  const before = await postgresWrites();
  const second = await settle(policy, entries);
  expect(second).toMatchObject({ withdrawn: [], writes: 0 });
  expect(idsOf(second)).toEqual(idsOf(first));
  const news = [first, second].map(({ outcomes }) => outcomes.get('acme'));
  expect(news).toMatchObject([
    { isNew: true, isNewText: true },
    { isNew: false, isNewText: false },
  ]);
  expect(await postgresWrites()).toBe(before);
});

test('a rotated key keeps its id, and its text of before works until the overlap is over', async () => {
  const policy = newPolicy();
  const [old, fresh] = [newHash(), newHash()];
  const issued = await settle(policy, [entry(old)]);
  const othersEndAtMs = Math.floor(Date.now()) + HOUR_MS;
  const rotated = await settle(policy, [entry(fresh, { othersEndAtMs })]);
  expect(idsOf(rotated)).toEqual(idsOf(issued));
  expect(rotated.outcomes.get('acme')).toMatchObject({ isNew: false, isNewText: true });
  const [before, after] = [await cachedAt(old), await cachedAt(fresh)];
  expect(after).not.toHaveProperty('expiresAtMs');
  expect(before).toEqual({ ...after, expiresAtMs: othersEndAtMs });
  expect((await settle(policy, [entry(fresh, { othersEndAtMs })])).writes).toBe(0);
});

test('of two rotations in a row each text ends at its own time, and an earlier end of the key counts for both', async () => {
  const policy = newPolicy();
  const [first, second, third] = [newHash(), newHash(), newHash()];
  const startMs = Date.now();
  await settle(policy, [entry(first)]);
  await settle(policy, [entry(second, { othersEndAtMs: startMs + HOUR_MS })]);
  const expiresAtMs = startMs + 3 * HOUR_MS;
  await settle(policy, [entry(third, { othersEndAtMs: startMs + 5 * HOUR_MS, expiresAtMs })]);
  const ends = await Promise.all([first, second, third].map(async (each) => (await cachedAt(each))?.expiresAtMs));
  expect(ends).toEqual([startMs + HOUR_MS, expiresAtMs, expiresAtMs]);
});

test('a text that took the place of another without a rotation ends it at once, even one in its overlap', async () => {
  const policy = newPolicy();
  const [first, second, third] = [newHash(), newHash(), newHash()];
  await settle(policy, [entry(first)]);
  await settle(policy, [entry(second, { othersEndAtMs: Date.now() + HOUR_MS })]);
  await settle(policy, [entry(third)]);
  const [a, b, c] = await Promise.all([first, second, third].map(cachedAt));
  expect([isOver(a), isOver(b), isOver(c)]).toEqual([true, true, false]);
  expect(new Set([a?.id, b?.id, c?.id]).size).toBe(1);
});

test('a text that was put back works again', async () => {
  const policy = newPolicy();
  const [first, second] = [newHash(), newHash()];
  await settle(policy, [entry(first)]);
  await settle(policy, [entry(second)]);
  await settle(policy, [entry(first)]);
  expect([isOver(await cachedAt(first)), isOver(await cachedAt(second))]).toEqual([false, true]);
});

test('without a text the key has none that works, and gets its id back with the next one', async () => {
  const policy = newPolicy();
  const [first, second] = [newHash(), newHash()];
  const issued = await settle(policy, [entry(first)]);
  const textless = await settle(policy, [entry(undefined)]);
  expect(textless.outcomes.get('acme')).toEqual({ kind: 'textless' });
  expect(isOver(await cachedAt(first))).toBe(true);
  const before = await postgresWrites();
  await settle(policy, [entry(undefined)]);
  expect(await postgresWrites()).toBe(before);
  expect(idsOf(await settle(policy, [entry(second)]))).toEqual(idsOf(issued));
});

test('a key that is not named any more is withdrawn, and comes back with its text and its id', async () => {
  const policy = newPolicy();
  const hash = newHash();
  const issued = await settle(policy, [entry(hash)]);
  expect((await settle(policy, [])).withdrawn).toEqual(['acme']);
  expect(await cachedAt(hash)).toMatchObject({ revoked: true });
  expect((await settle(policy, [])).writes).toBe(0);
  expect(idsOf(await settle(policy, [entry(hash)]))).toEqual(idsOf(issued));
  expect(await cachedAt(hash)).toMatchObject({ revoked: false });
});

test('a key that is named but not to be looked at now stays as it is', async () => {
  const policy = newPolicy();
  const hash = newHash();
  await settle(policy, [entry(hash)]);
  expect(await settle(policy, [], ['acme'])).toMatchObject({ withdrawn: [], writes: 0 });
  expect(await cachedAt(hash)).toMatchObject({ revoked: false });
});

test('a key under another name keeps its id', async () => {
  const policy = newPolicy();
  const hash = newHash();
  const issued = await settle(policy, [entry(hash)]);
  const renamed = await settle(policy, [entry(hash, { name: 'beta' })]);
  expect(renamed.withdrawn).toEqual(['acme']);
  expect(idsOf(renamed)).toEqual(idsOf(issued));
  expect(await cachedAt(hash)).toMatchObject({ name: 'beta', revoked: false });
});

test('a revocation is not lifted by the policy, which is told so and changes nothing', async () => {
  const policy = newPolicy();
  const hash = newHash();
  await settle(policy, [entry(hash)]);
  const { id = '' } = (await cachedAt(hash)) ?? {};
  await revokeKey(stores.postgres, stores.valkey.bulk, id);
  const before = await postgresWrites();
  for (const names of [['acme'], []]) {
    const settled = await settle(policy, names.length === 0 ? [] : [entry(hash)], names);
    expect(settled.outcomes.get('acme')).toEqual(names.length === 0 ? undefined : { kind: 'revoked' });
  }
  expect(await postgresWrites()).toBe(before);
  expect(await cachedAt(hash)).toMatchObject({ revoked: true });
  const fresh = await settle(policy, [entry(newHash())]);
  expect(fresh.outcomes.get('acme')).toMatchObject({ kind: 'granted' });
  expect(fresh.outcomes.get('acme')).not.toMatchObject({ keyId: id });
});

test('one text in two policies stays with the first, in whatever order they are looked at', async () => {
  const [first, second] = [newPolicy(), newPolicy()];
  const hash = newHash();
  await settle(first, [entry(hash)]);
  for (let turn = 0; turn < 3; turn += 1) {
    expect((await settle(second, [entry(hash)])).outcomes.get('acme')).toEqual({
      kind: 'taken',
      policy: first,
      name: 'acme',
    });
    expect(await settle(first, [entry(hash)])).toMatchObject({ writes: 0 });
  }
  expect(await cachedAt(hash)).toMatchObject({ policy: first });
  await settle(first, []);
  expect((await settle(second, [entry(hash)])).outcomes.get('acme')).toMatchObject({ kind: 'granted' });
  expect(await cachedAt(hash)).toMatchObject({ policy: second, revoked: false });
});

test('a key whose Secret now has a foreign text loses its own', async () => {
  const [first, second] = [newPolicy(), newPolicy()];
  const [foreign, own] = [newHash(), newHash()];
  await settle(first, [entry(foreign)]);
  await settle(second, [entry(own)]);
  await settle(second, [entry(foreign)]);
  expect(isOver(await cachedAt(own))).toBe(true);
  expect(isOver(await cachedAt(foreign))).toBe(false);
});

test('a key that comes back with its text takes the place of the one that the policy had by its name', async () => {
  const [first, second] = [newPolicy(), newPolicy()];
  const [returning, own] = [newHash(), newHash()];
  await settle(first, [entry(returning)]);
  await settle(first, []);
  await settle(second, [entry(own)]);
  const { id } = (await cachedAt(returning)) ?? {};
  await settle(second, [entry(returning)]);
  expect(await cachedAt(returning)).toMatchObject({ id, policy: second, revoked: false });
  expect(await cachedAt(own)).toMatchObject({ revoked: true });
  expect(await settle(second, [entry(returning)])).toMatchObject({ withdrawn: [], writes: 0 });
});

test('the project, the tier and the end follow the policy', async () => {
  const policy = newPolicy();
  const hash = newHash();
  await settle(policy, [entry(hash)]);
  const { projectId } = (await cachedAt(hash)) ?? {};
  await settle(policy, [entry(hash, { project: 'other', tier: 'gold', expiresAtMs: 1_000 })]);
  const changed = await cachedAt(hash);
  expect(changed).toMatchObject({ tier: 'gold', expiresAtMs: 1_000, version: 2 });
  expect(changed?.projectId).not.toBe(projectId);
});

test('what a crash between the stores left is put right in Valkey, and nothing is written that nobody asked for', async () => {
  const policy = newPolicy();
  const [kept, gone] = [newHash(), newHash()];
  await settle(policy, [entry(kept), entry(gone, { name: 'beta' })]);
  const stale = await cachedAt(gone);
  if (stale === undefined) throw new Error('the key is not in Valkey');
  await settle(policy, [entry(kept)]);
  await forget(gone);
  await storeKey(stores.valkey.bulk, gone, stale);
  await forget(kept);
  await settle(policy, [entry(kept)]);
  expect(await cachedAt(gone)).toMatchObject({ revoked: true });
  expect(await cachedAt(kept)).toBeUndefined();
});

test('Valkey away: Postgres has the keys, and what Valkey holds is owed until it is told', async () => {
  const policy = newPolicy();
  const [old, fresh] = [newHash(), newHash()];
  await settle(policy, [entry(old)]);
  await using proxy = await startProxy(stores.server);
  const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`);
  await valkey.ready();
  proxy.refuse(true);
  proxy.cut();
  const options = { postgres: stores.postgres, client: valkey.bulk, beforeWrite: () => undefined };
  const request = { policy, names: ['acme'], entries: [entry(fresh)] };
  expect((await settlePolicyKeys(options, request)).cacheFault).toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
  expect((await settlePolicyKeys(options, request)).cacheFault).toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
  await valkey.close();
  expect(isOver(await cachedAt(old))).toBe(false);
  expect(await settle(policy, [entry(fresh)])).not.toHaveProperty('cacheFault');
  expect(isOver(await cachedAt(old))).toBe(true);
});

test('who may not write any more writes nothing', async () => {
  const policy = newPolicy();
  const hash = newHash();
  await settle(policy, [entry(hash)]);
  const before = await postgresWrites();
  const beforeWrite = (): void => {
    throw new Error('fenced');
  };
  const options = { postgres: stores.postgres, client: stores.valkey.bulk, beforeWrite };
  for (const request of [
    { policy, names: [], entries: [] },
    { policy, names: ['acme'], entries: [entry(newHash())] },
    { policy, names: ['acme'], entries: [entry(undefined)] },
  ]) {
    await expect(settlePolicyKeys(options, request)).rejects.toThrow('fenced');
  }
  expect(await postgresWrites()).toBe(before);
  expect(isOver(await cachedAt(hash))).toBe(false);
});

test('many who settle one policy at once make one key', async () => {
  const policy = newPolicy();
  const hash = newHash();
  const settled = await Promise.all(Array.from({ length: 10 }, () => settle(policy, [entry(hash)])));
  const ids = settled.flatMap(idsOf);
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toBeDefined();
});

test('every level of the look-up tells the end of a text', async () => {
  const policy = newPolicy();
  const [old, fresh] = [createKeyText('test'), createKeyText('test')];
  const othersEndAtMs = Date.now() + HOUR_MS;
  await settle(policy, [entry(hashKeyText(old))]);
  await settle(policy, [entry(hashKeyText(fresh), { othersEndAtMs })]);
  await forget(hashKeyText(old));
  const cache = createKeyCache({ ...parts, valkey: stores.valkey, postgres: stores.postgres });
  const endOf = async (text: string): Promise<unknown> => {
    const found = await cache.lookup(text);
    return found.kind === 'found' ? found.key.expiresAtMs : found.kind;
  };
  // From Postgres, then from memory.
  for (let level = 0; level < 2; level += 1) expect(await endOf(old)).toBe(othersEndAtMs);
  expect((await cachedAt(hashKeyText(old)))?.expiresAtMs).toBe(othersEndAtMs);
  expect(await endOf(fresh)).toBeUndefined();
  cache.close();
});

test('texts that ended long ago are forgotten with the next rotation', async () => {
  const policy = newPolicy();
  const [old, second, third] = [newHash(), newHash(), newHash()];
  await settle(policy, [entry(old)]);
  await settle(policy, [entry(second, { othersEndAtMs: Date.now() - 8 * 24 * HOUR_MS })]);
  await settle(policy, [entry(third, { othersEndAtMs: Date.now() - 6 * 24 * HOUR_MS })]);
  const rows = await stores.postgres.query<{ sha256: string }>(
    'SELECT sha256 FROM api_key_hash WHERE sha256 = ANY ($1::text[])',
    [[old, second, third]],
  );
  expect(rows.map(({ sha256 }) => sha256).toSorted()).toEqual([second, third].toSorted());
});

test('a policy with keys is found by its keys, also right after they were withdrawn', async () => {
  const policy = newPolicy();
  const found = async () => (await findPoliciesWithKeys(stores.postgres)).find((each) => each.policy === policy);
  await settle(policy, [entry(newHash())]);
  expect(await found()).toEqual({ policy, hasActive: true });
  await settle(policy, []);
  expect(await found()).toEqual({ policy, hasActive: false });
  await stores.postgres.query(`UPDATE api_key SET withdrawn_at = now() - interval '26 hours' WHERE policy = $1`, [
    policy,
  ]);
  expect(await found()).toBeUndefined();
});

test('issuing a text for a name that the policy has a key of ends the text before it, and keeps the id', async () => {
  const policy = newPolicy();
  const issue = () =>
    issueKey(stores.postgres, stores.valkey.bulk, { name: 'acme', project: 'acme', tier: 'pro', policy });
  const first = await issue();
  const second = await issue();
  expect(second.record.id).toBe(first.record.id);
  expect(isOver(await cachedAt(hashKeyText(first.text)))).toBe(true);
  expect(isOver(await cachedAt(hashKeyText(second.text)))).toBe(false);
});
