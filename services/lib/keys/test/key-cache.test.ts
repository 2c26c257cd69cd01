import { keyspace } from '@weir/keyspace';
import { createPostgres, type Postgres } from '@weir/postgres';
import { createFakeClock, createTestTelemetry, startProxy, waitFor, type FakeClock } from '@weir/testing';
import type { Valkey } from '@weir/valkey';
import { encodeApiKeyRecord } from '@weir/wire';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKeyCache, createKeyText, hashKeyText, issueKey, revokeKey, type KeyCaches } from '../index.ts';
import { storeKey } from '../store-key.ts';
import { countQueries, openValkey, parts, startStores, type CountedPostgres, type Stores } from './stores.ts';

/** As in a process; tests in which nothing hangs have patience with a busy machine. */
const HUNG_AFTER_MS = 50;

let stores: Stores;
let clock: FakeClock;
let postgres: CountedPostgres;
let cache: KeyCaches;

beforeAll(async () => {
  stores = await startStores();
}, 60_000);

afterAll(() => stores.stop());

beforeEach(() => {
  clock = createFakeClock();
  postgres = countQueries(stores.postgres);
  cache = openCache();
});

afterEach(async () => {
  cache.close();
  await stores.valkey.bulk.call('FLUSHALL');
});

function openCache(options: { valkey?: Valkey; postgres?: Postgres | undefined } = {}): KeyCaches {
  return createKeyCache({
    ...parts,
    telemetry: createTestTelemetry(),
    clock,
    valkey: stores.valkey,
    postgres,
    ...options,
  });
}

const issue = (text?: string) =>
  issueKey(stores.postgres, stores.valkey.bulk, {
    name: 'demo',
    project: 'acme',
    tier: 'pro',
    policy: '',
    ...(text !== undefined && { text }),
  });
const cachedKey = (text: string): string => keyspace.apiKey.key({ sha256: hashKeyText(text) });
const isCached = async (text: string): Promise<boolean> =>
  (await stores.valkey.bulk.call('EXISTS', cachedKey(text))) === 1;

describe('a look-up by hash', () => {
  test('knows a key that the text names, and what becomes of it', async () => {
    const { text } = await issue();
    expect(await cache.lookupHash(hashKeyText(text))).toMatchObject({ kind: 'found', key: { name: 'demo' } });
    expect(cache.lookupHash(hashKeyText(text))).not.toBeInstanceOf(Promise);
    expect(await cache.lookupHash('ab'.repeat(32))).toEqual({ kind: 'unknown' });
  });

  test('lets nobody in who sends a hash instead of a text', async () => {
    const { text } = await issue();
    await cache.lookupHash(hashKeyText(text));
    expect(cache.lookup(hashKeyText(text))).toEqual({ kind: 'malformed' });
  });
});

describe('a key', () => {
  test('is read from Valkey once and then known without I/O, as the same record', async () => {
    const { text, record } = await issue();
    const first = await cache.lookup(text);
    expect(first).toEqual({ kind: 'found', key: record });
    expect(cache.lookup(text)).toBe(first);
    expect(postgres.queries).toBe(0);
  });

  test('that Valkey does not have is read from Postgres and written back', async () => {
    const { text, record } = await issue();
    await stores.valkey.bulk.call('DEL', cachedKey(text));
    expect(await cache.lookup(text)).toEqual({ kind: 'found', key: record });
    expect(postgres.queries).toBe(1);
    expect(await isCached(text)).toBe(true);
  });

  test('keeps its record while its version stays, and gets the new one after a change', async () => {
    const { text, record } = await issue();
    const first = await cache.lookup(text);
    await clock.advance(10_000);
    expect(await cache.lookup(text)).toBe(first);
    await storeKey(stores.valkey.bulk, hashKeyText(text), { ...record, tier: 'gold', version: 2 });
    await clock.advance(10_000);
    expect(await cache.lookup(text)).toMatchObject({ key: { tier: 'gold' } });
  });

  test('that is revoked is known as such 10 s later at the latest', async () => {
    const { text, record } = await issue();
    await cache.lookup(text);
    await revokeKey(stores.postgres, stores.valkey.bulk, record.id);
    await clock.advance(9_900);
    await clock.advance(100);
    expect(await cache.lookup(text)).toMatchObject({ kind: 'found', key: { revoked: true } });
  });

  test('in steady use is re-checked ahead of time and never waits', async () => {
    const { text, record } = await issue();
    await cache.lookup(text);
    await revokeKey(stores.postgres, stores.valkey.bulk, record.id);
    await clock.advance(8_000);
    expect(cache.lookup(text)).toMatchObject({ kind: 'found', key: { revoked: false } });
    await waitFor(() => {
      const lookup = cache.lookup(text);
      return !(lookup instanceof Promise) && lookup.kind === 'found' && lookup.key.revoked;
    });
  });

  test('whose stored form cannot be read is read from Postgres', async () => {
    const { text, record } = await issue();
    await stores.valkey.bulk.call('HSET', cachedKey(text), 'created_at', 'yesterday', 'version', '0');
    expect(await cache.lookup(text)).toEqual({ kind: 'found', key: record });
    expect(postgres.queries).toBe(1);
  });
});

describe('a key that was revoked', () => {
  const lookUpRevoked = async (from: KeyCaches) => {
    const { text, record } = await issue();
    await revokeKey(stores.postgres, stores.valkey.bulk, record.id);
    expect(await from.lookup(text)).toMatchObject({ key: { revoked: true, version: 2 } });
    await stores.valkey.bulk.call('DEL', cachedKey(text));
    await storeKey(stores.valkey.bulk, hashKeyText(text), record);
    return { text, record };
  };

  test('stays so when Valkey holds an older form, which is put right from Postgres', async () => {
    const { text } = await lookUpRevoked(cache);
    await clock.advance(10_000);
    expect(await cache.lookup(text)).toMatchObject({ key: { revoked: true, version: 2 } });
    await waitFor(async () => {
      await clock.advance(100);
      return (await stores.valkey.bulk.call('HGET', cachedKey(text), 'version')) === '2';
    });
    expect(cache.lookup(text)).toMatchObject({ key: { revoked: true } });
  });

  test('stays so when Postgres is behind as well', async () => {
    let rows: readonly unknown[] = [];
    const behind: Postgres = {
      ...countQueries(stores.postgres),
      // The rows of another time are of the statement's own form.
      query: <T>() => Promise.resolve(rows as readonly T[]),
    };
    const misled = openCache({ postgres: behind });
    const { text, record } = await lookUpRevoked(misled);
    rows = [{ ...encodeApiKeyRecord(record), sha256: hashKeyText(text) }];
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1_000);
      expect(await misled.lookup(text)).toMatchObject({ key: { revoked: true, version: 2 } });
    }
    misled.close();
  });
});

describe('an unknown text', () => {
  test('with a wrong checksum costs no I/O', () => {
    expect(cache.lookup(`${createKeyText('live').slice(0, -1)}!`)).toEqual({ kind: 'malformed' });
    expect(cache.lookup('')).toEqual({ kind: 'malformed' });
    expect(postgres.queries).toBe(0);
  });

  test('asked for by 1,000 at once costs one query', async () => {
    const text = createKeyText('live');
    const lookups = await Promise.all(Array.from({ length: 1_000 }, async () => cache.lookup(text)));
    expect(new Set(lookups.map(({ kind }) => kind))).toEqual(new Set(['unknown']));
    expect(postgres.queries).toBe(1);
  });

  test('is remembered for 2 s and then asked for again', async () => {
    const text = createKeyText('live');
    await cache.lookup(text);
    await issue(text);
    await clock.advance(1_900);
    expect(cache.lookup(text)).toEqual({ kind: 'unknown' });
    await clock.advance(100);
    expect(await cache.lookup(text)).toMatchObject({ kind: 'found' });
  });

  test('is never called unknown unasked: Postgres gets 50 look-ups a second, the rest is unavailable', async () => {
    const flood = async (): Promise<readonly string[]> => {
      const texts = Array.from({ length: 120 }, () => createKeyText('live'));
      return (await Promise.all(texts.map(async (text) => cache.lookup(text)))).map(({ kind }) => kind);
    };
    const kinds = await flood();
    expect(kinds.filter((kind) => kind === 'unknown')).toHaveLength(50);
    expect(kinds.filter((kind) => kind === 'unavailable')).toHaveLength(70);
    await clock.advance(999);
    await flood();
    expect(postgres.queries).toBe(50);
    await clock.advance(1);
    await flood();
    expect(postgres.queries).toBe(100);
  });

  test('is final without Postgres while Valkey is complete', async () => {
    const complete = keyspace.apiKeysComplete.key({ tag: '0' });
    await stores.valkey.bulk.call('SET', complete, 'epoch', 'EX', 30);
    expect(await cache.lookup(createKeyText('live'))).toEqual({ kind: 'unknown' });
    expect(postgres.queries).toBe(0);
  });

  test('ends a key that memory still knows when Valkey is complete without it', async () => {
    const { text } = await issue();
    await cache.lookup(text);
    await stores.postgres.query('DELETE FROM api_key_hash WHERE sha256 = $1', [hashKeyText(text)]);
    await stores.valkey.bulk.call('DEL', cachedKey(text));
    await stores.valkey.bulk.call('SET', keyspace.apiKeysComplete.key({ tag: '0' }), 'epoch', 'EX', 30);
    await clock.advance(10_000);
    expect(await cache.lookup(text)).toEqual({ kind: 'unknown' });
  });
});

test('a form read from Postgres does not replace a newer one that Valkey got meanwhile', async () => {
  const { text, record } = await issue();
  await stores.valkey.bulk.call('DEL', cachedKey(text));
  // The row was read before the revocation, and is written after it.
  const slow = countQueries(stores.postgres, async () => {
    await storeKey(stores.valkey.bulk, hashKeyText(text), { ...record, revoked: true, version: 2 });
  });
  const racing = openCache({ postgres: slow });
  expect(await racing.lookup(text)).toMatchObject({ kind: 'found', key: { revoked: true, version: 2 } });
  expect(await stores.valkey.bulk.call('HGET', cachedKey(text), 'version')).toBe('2');
  racing.close();
});

describe('while Valkey is away', () => {
  test('a key in memory goes on answering, for at most 15 min without any store', async () => {
    await using proxy = await startProxy(stores.server);
    const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`, HUNG_AFTER_MS);
    await valkey.ready();
    const lonely = openCache({ valkey, postgres: undefined });
    const { text } = await issue();
    await lonely.lookup(text);
    proxy.stall(true);
    await clock.advance(10_000);
    expect(await lonely.lookup(text)).toMatchObject({ kind: 'found' });
    expect(lonely.lookup(text)).not.toBeInstanceOf(Promise);
    await clock.advance(15 * 60_000 - 10_000);
    expect(await lonely.lookup(text)).toMatchObject({ kind: 'found' });
    await clock.advance(1_000);
    expect(await lonely.lookup(text)).toEqual({ kind: 'unavailable' });
    lonely.close();
    await valkey.close();
  });

  test('Postgres is asked instead: a revocation is seen, and a key that was never seen is found', async () => {
    await using proxy = await startProxy(stores.server);
    const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`, HUNG_AFTER_MS);
    await valkey.ready();
    const lonely = openCache({ valkey });
    const [known, fresh] = [await issue(), await issue()];
    await lonely.lookup(known.text);
    proxy.stall(true);
    await revokeKey(stores.postgres, stores.valkey.bulk, known.record.id);
    await clock.advance(10_000);
    await waitFor(async () => {
      const lookup = await lonely.lookup(known.text);
      await clock.advance(100);
      return lookup.kind === 'found' && lookup.key.revoked;
    });
    expect(await lonely.lookup(fresh.text)).toMatchObject({ kind: 'found' });
    expect(await lonely.lookup(createKeyText('live'))).toEqual({ kind: 'unknown' });
    lonely.close();
    await valkey.close();
  });
});

/** One key under many texts, which costs two statements; also in Valkey. */
async function issueMany(count: number): Promise<readonly string[]> {
  const { record } = await issue();
  const texts = Array.from({ length: count }, () => createKeyText('live'));
  const hashes = texts.map(hashKeyText);
  await stores.postgres.query('INSERT INTO api_key_hash (sha256, api_key_id) SELECT unnest($1::text[]), $2', [
    hashes,
    record.id,
  ]);
  await Promise.all(hashes.map((sha256) => storeKey(stores.valkey.bulk, sha256, record)));
  return texts;
}

test('while Valkey is away 500 keys in use leave Postgres to a key that nobody has seen', async () => {
  await using proxy = await startProxy(stores.server);
  const valkey = openValkey(`redis://127.0.0.1:${proxy.port}`);
  await valkey.ready();
  const busy = openCache({ valkey, postgres });
  const hot = await issueMany(500);
  const fresh = await issue();
  const lookUpHot = async (): Promise<ReadonlySet<string>> =>
    new Set((await Promise.all(hot.map(async (text) => busy.lookup(text)))).map(({ kind }) => kind));
  expect(await lookUpHot()).toEqual(new Set(['found']));
  proxy.refuse(true);
  proxy.cut();
  await clock.advance(10_000);
  expect(await lookUpHot()).toEqual(new Set(['found']));
  expect(await busy.lookup(fresh.text)).toMatchObject({ kind: 'found' });
  expect(postgres.queries).toBe(1);
  await clock.advance(100);
  expect(postgres.queries).toBe(2);
  expect(await lookUpHot()).toEqual(new Set(['found']));
  busy.close();
  await valkey.close();
});

describe('while Postgres is away', () => {
  test('only keys that nobody has seen notice, and they are unavailable, never unknown', async () => {
    const { hostname, port } = new URL(stores.postgresUrl);
    await using proxy = await startProxy({ host: hostname, port: Number(port) });
    const url = new URL(stores.postgresUrl);
    url.port = String(proxy.port);
    const away = createPostgres({ ...parts, url: url.href });
    await away.query('SELECT 1');
    const lonely = openCache({ postgres: away });
    const [used, cached, lost] = [await issue(), await issue(), await issue()];
    await lonely.lookup(used.text);
    await stores.valkey.bulk.call('DEL', cachedKey(lost.text));
    proxy.refuse(true);
    proxy.cut();
    await clock.advance(10_000);
    expect(await lonely.lookup(used.text)).toMatchObject({ kind: 'found' });
    expect(await lonely.lookup(cached.text)).toMatchObject({ kind: 'found' });
    expect(await lonely.lookup(lost.text)).toEqual({ kind: 'unavailable' });
    expect(await lonely.lookup(createKeyText('live'))).toEqual({ kind: 'unavailable' });
    proxy.refuse(false);
    await waitFor(async () => {
      await clock.advance(1_000);
      return (await lonely.lookup(lost.text)).kind === 'found';
    });
    lonely.close();
    await away.close();
  });

  test('a key in memory that Valkey has lost goes on answering', async () => {
    const lonely = openCache({ postgres: undefined });
    const { text } = await issue();
    await lonely.lookup(text);
    await stores.valkey.bulk.call('FLUSHALL');
    await clock.advance(10_000);
    expect(await lonely.lookup(text)).toMatchObject({ kind: 'found' });
    lonely.close();
  });
});

describe('after Valkey has lost its data', () => {
  test('keys in use are back within 2 s, read from Postgres in one query', async () => {
    const issued = await Promise.all(Array.from({ length: 40 }, () => issue()));
    for (const { text } of issued) await cache.lookup(text);
    await stores.valkey.bulk.call('FLUSHALL');
    await clock.advance(1_000);
    await waitFor(async () => (await Promise.all(issued.map(({ text }) => isCached(text)))).every(Boolean));
    expect(postgres.queries).toBe(1);
  });

  test('a key that was revoked meanwhile comes back revoked', async () => {
    const { text, record } = await issue();
    await cache.lookup(text);
    await stores.valkey.bulk.call('FLUSHALL');
    await stores.postgres.query('UPDATE api_key SET revoked = true WHERE id = $1', [record.id]);
    await clock.advance(1_000);
    await waitFor(() => isCached(text));
    expect(await stores.valkey.bulk.call('HGET', cachedKey(text), 'revoked')).toBe('1');
    expect(cache.lookup(text)).toMatchObject({ kind: 'found', key: { revoked: true } });
  });

  test('a second loss is repaired as well', async () => {
    const { text } = await issue();
    await cache.lookup(text);
    for (let loss = 0; loss < 2; loss += 1) {
      await stores.valkey.bulk.call('FLUSHALL');
      await clock.advance(1_000);
      await waitFor(() => isCached(text));
    }
  });

  test('a repair that the rate cut short goes on where it stopped', async () => {
    const used = await issueMany(600);
    let asked = 0;
    const counting: Postgres = {
      ...countQueries(stores.postgres),
      query: (statement, values) => {
        const [hashes] = values ?? [];
        asked += Array.isArray(hashes) ? hashes.length : 0;
        return stores.postgres.query(statement, values);
      },
    };
    const lonely = openCache({ postgres: counting });
    for (const text of used) await lonely.lookup(text);
    await clock.advance(900);
    await Promise.all(Array.from({ length: 49 }, async () => lonely.lookup(createKeyText('live'))));
    expect(asked).toBe(49);
    await stores.valkey.bulk.call('FLUSHALL');
    await clock.advance(100);
    const countCached = async (): Promise<number> =>
      (await Promise.all(used.map((text) => isCached(text)))).filter(Boolean).length;
    await waitFor(async () => (await countCached()) === 500);
    await waitFor(async () => {
      // Not while Postgres is asked: on this clock that would take longer than anybody waits.
      if (asked === 49 + 500) await clock.advance(1_000);
      return (await countCached()) === 600;
    });
    expect(asked).toBe(49 + 600);
    lonely.close();
  });

  test('the repair waits for Postgres and is then made up for', async () => {
    const { text } = await issue();
    let isAway = true;
    const flaky = countQueries(stores.postgres, () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve()));
    const lonely = openCache({ postgres: flaky });
    await lonely.lookup(text);
    await stores.valkey.bulk.call('FLUSHALL');
    await clock.advance(1_000);
    await waitFor(() => flaky.queries === 1);
    isAway = false;
    await waitFor(async () => {
      await clock.advance(1_000);
      return isCached(text);
    });
    lonely.close();
  });
});

test('leaves no timer behind', () => {
  cache.close();
  expect(clock.pendingTimers).toBe(0);
});
