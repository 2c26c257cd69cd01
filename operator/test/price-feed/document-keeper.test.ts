/** Documents in a real Valkey: brought there, kept there, and never by somebody who does not lead. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestValkey,
  waitFor,
  type Proxy,
  type TestValkey,
} from '@weir/testing';
import { createValkey, watchDocuments, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDocumentKeeper, type DocumentKeeper, type WantedDocuments } from '../../src/documents/index.ts';
import { KubeError } from '../../src/kube/index.ts';

let server: TestValkey;
let proxy: Proxy;
/** Over the proxy, as the operator has it; and directly, as somebody else. */
let valkey: Valkey;
let other: Valkey;
const open: { stop(): Promise<void> }[] = [];

const connect = (port: number): Valkey =>
  createValkey({
    target: { kind: 'standalone', host: '127.0.0.1', port },
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: { decideMs: 5_000, bulkMs: 2_000 },
  });

beforeAll(async () => {
  server = await startTestValkey();
  proxy = await startProxy({ port: server.port });
  valkey = connect(proxy.port);
  other = connect(server.port);
  await Promise.all([valkey.ready(), other.ready()]);
});

afterAll(async () => {
  await Promise.all([valkey.close(), other.close()]);
  await proxy.stop();
  await server.stop();
});

beforeEach(() => other.bulk.call('FLUSHALL'));

afterEach(async () => {
  proxy.refuse(false);
  for (const each of open.splice(0)) await each.stop();
});

interface Kept {
  readonly keeper: DocumentKeeper;
  readonly texts: Map<string, string>;
  readonly kept: Set<string>;
  wanted: WantedDocuments | undefined;
  /** How the keeper asks for it. */
  read: () => WantedDocuments | undefined;
  isLeader: boolean;
}

function keep(documents: Readonly<Record<string, string>>): Kept {
  const texts = new Map(Object.entries(documents));
  const kept = new Set<string>();
  const wanted = { texts, kept };
  const state: Omit<Kept, 'keeper'> = { texts, kept, wanted, read: () => state.wanted, isLeader: true };
  const keeper = createDocumentKeeper({
    family: 'feeds',
    client: valkey.bulk,
    clock: systemClock,
    logger: silentLogger,
    wanted: () => state.read(),
    fence: {
      get isLeader() {
        return state.isLeader;
      },
      check() {
        if (!state.isLeader) throw new KubeError({ kind: 'fenced', message: 'not the leader' });
      },
    },
  });
  open.push(keeper);
  return Object.assign(state, { keeper });
}

const hash = keyspace.feeds.key();
const stored = (): Promise<Record<string, string>> => other.bulk.hgetall(hash);
const fields = async (): Promise<readonly string[]> => Object.keys(await stored()).toSorted();
/** How often a command was called since the statistics were reset. */
const commands = async (name: string): Promise<number> => {
  const stats = String(await other.bulk.call('INFO', 'commandstats'));
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
};
const writes = async (): Promise<number> => {
  const stats = String(await other.bulk.call('INFO', 'commandstats'));
  return [...stats.matchAll(/cmdstat_(?:hset|hdel|publish):calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
};

test('what is wanted is published, and asked for again costs nothing', async () => {
  const { keeper } = keep({ 'a/one': '1', 'a/two': '2' });
  const seq = await keeper.publish('a/one');
  expect(await stored()).toEqual({ 'a/one': '1', 'a/two': '2', '#seq': String(seq) });
  const before = await writes();
  expect(await keeper.publish('a/two')).toBe(seq);
  expect(await writes()).toBe(before);
});

test('a change is published with the next number; others keep theirs', async () => {
  const { keeper, texts } = keep({ 'a/one': '1', 'a/two': '2' });
  const first = await keeper.publish('a/one');
  texts.set('a/two', '2b');
  const second = await keeper.publish('a/two');
  expect(second).toBeGreaterThan(first);
  expect(await keeper.publish('a/one')).toBe(first);
});

test('a change sends that document alone, however many there are', async () => {
  const { keeper, texts } = keep(Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`a/d${index}`, 'x'])));
  await keeper.publish('a/d0');
  await other.bulk.call('CONFIG', 'RESETSTAT');
  texts.set('a/d1', 'y');
  texts.delete('a/d2');
  await Promise.all([keeper.publish('a/d1'), keeper.publish('a/d2')]);
  const { 'a/d1': changed, 'a/d2': removed } = await stored();
  expect([changed, removed]).toEqual(['y', undefined]);
  // The number, and for each of the two what was there before, twice.
  expect(await commands('hget')).toBeLessThan(12);
});

test('a change that meets a lost set brings the whole set back in one call', async () => {
  const { keeper, texts } = keep({ 'a/one': '1', 'a/two': '2' });
  await keeper.publish('a/one');
  const sets: string[][] = [];
  const watch = watchDocuments<string>({
    valkey: other,
    family: 'feeds',
    clock: systemClock,
    logger: silentLogger,
    parse: (json) => json,
    onChange: (snapshot) => sets.push([...snapshot.values()]),
  });
  await watch.ready;
  await other.bulk.call('FLUSHALL');
  texts.set('a/one', '1b');
  const seq = await keeper.publish('a/one');
  await waitFor(() => watch.seq === seq);
  await watch.close();
  expect(sets).toEqual([
    ['1', '2'],
    ['1b', '2'],
  ]);
});

test('the document of a resource that was invalid from the first and is deleted goes at once', async () => {
  await other.bulk.call('HSET', hash, 'a/one', 'old', '#seq', 5);
  const { keeper, kept } = keep({ 'a/two': '2' });
  kept.add('a/one');
  await keeper.publish('a/two');
  expect(await fields()).toEqual(['#seq', 'a/one', 'a/two']);
  kept.delete('a/one');
  await keeper.publish('a/one');
  expect(await fields()).toEqual(['#seq', 'a/two']);
});

test('many callers at once share few writes, and each finds its own document there', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `a/d${index}`);
  const { keeper, texts } = keep({});
  const seen = await Promise.all(
    names.map(async (name) => {
      texts.set(name, name);
      await keeper.publish(name);
      return other.bulk.call('HGET', hash, name);
    }),
  );
  expect(seen).toEqual(names);
});

test('documents of nobody go with the first assertion', async () => {
  await other.bulk.call(
    'HSET',
    hash,
    'gone/orphan',
    '{}',
    'gone/big',
    '#2',
    'gone/big#1',
    'x',
    'gone/big#2',
    'y',
    '#seq',
    5,
  );
  keep({ 'a/one': '1' }).keeper.start();
  await waitFor(async () => (await fields()).join(' ') === '#seq a/one');
});

test('after FLUSHALL everything is back in one step and within 2 s, with a greater number', async () => {
  const { keeper } = keep({ 'a/one': '1', 'a/two': '2' });
  keeper.start();
  const seq = await keeper.publish('a/one');
  const sets: string[][] = [];
  const watch = watchDocuments<string>({
    valkey: other,
    family: 'feeds',
    clock: systemClock,
    logger: silentLogger,
    parse: (json) => json,
    onChange: (snapshot) => sets.push([...snapshot.keys()]),
  });
  await watch.ready;
  const lostMs = systemClock.monotonicMs();
  await other.bulk.call('FLUSHALL');
  await waitFor(async () => (await fields()).length === 3);
  expect(systemClock.monotonicMs() - lostMs).toBeLessThan(2_000);
  await waitFor(() => watch.seq > seq);
  await watch.close();
  expect(sets).toEqual([['a/one', 'a/two']]);
  // What its readers have had all along is still in force since then.
  expect(await keeper.publish('a/one')).toBe(seq);
});

test('an edit by hand is undone, also one that left the number as it was', async () => {
  const { keeper } = keep({ 'a/one': '1', 'a/two': '2' });
  keeper.start();
  await keeper.publish('a/one');
  await other.bulk.call('HSET', hash, 'a/one', 'edited', 'a/extra', 'x');
  await other.bulk.call('HDEL', hash, 'a/two');
  await waitFor(async () => (await fields()).join(' ') === '#seq a/one a/two', 20_000);
  expect((await stored())['a/one']).toBe('1');
});

test('a set without documents is published all the same', async () => {
  keep({}).keeper.start();
  await waitFor(async () => (await fields()).join(' ') === '#seq');
});

test('nothing is written before it is known what is wanted, nor by who does not lead', async () => {
  const unknown = keep({ 'a/one': '1' });
  unknown.wanted = undefined;
  const follower = keep({ 'a/one': '1' });
  follower.isLeader = false;
  for (const { keeper } of [unknown, follower]) keeper.start();
  await expect(follower.keeper.publish('a/one')).rejects.toMatchObject({ kind: 'fenced' });
  await expect(unknown.keeper.publish('a/one')).rejects.toThrow('not known');
  expect(await stored()).toEqual({});
  follower.isLeader = true;
  await waitFor(async () => (await fields()).includes('a/one'));
});

test('leadership that is lost during the reading keeps the writing from happening', async () => {
  const state = keep({ 'a/one': '1' });
  proxy.stall(true);
  const published = state.keeper.publish('a/one');
  state.isLeader = false;
  proxy.stall(false);
  await expect(published).rejects.toMatchObject({ kind: 'fenced' });
  expect(await stored()).toEqual({});
});

test('the document of a resource that has become invalid stays, and comes back after a loss', async () => {
  const { keeper, texts, kept } = keep({ 'a/one': '1' });
  keeper.start();
  const seq = await keeper.publish('a/one');
  texts.delete('a/one');
  kept.add('a/one');
  expect(await keeper.publish('a/one')).toBe(seq);
  await other.bulk.call('FLUSHALL');
  await waitFor(async () => (await stored())['a/one'] === '1');
});

test('one that was there before this process began stays too', async () => {
  await other.bulk.call('HSET', hash, 'a/one', 'old', '#seq', 5);
  const { keeper, kept } = keep({});
  kept.add('a/one');
  await keeper.publish('a/two');
  expect(await fields()).toEqual(['#seq', 'a/one']);
});

test('a fault in what is wanted ends neither the process nor the watching', async () => {
  const state = keep({ 'a/one': '1' });
  const { keeper } = state;
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  let asked = 0;
  state.read = () => {
    asked += 1;
    throw new RangeError('not a duration');
  };
  keeper.start();
  await waitFor(() => asked >= 2);
  state.read = () => state.wanted;
  await waitFor(async () => (await fields()).includes('a/one'));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('an outage is a fault once it has lasted, and the documents are there again after it', async () => {
  const { keeper, texts } = keep({ 'a/one': '1' });
  keeper.start();
  await keeper.publish('a/one');
  const changes: (string | undefined)[] = [];
  keeper.onFaultChange(() => changes.push(keeper.fault?.code));
  proxy.refuse(true);
  proxy.cut();
  texts.set('a/one', '1b');
  await expect(keeper.publish('a/one')).rejects.toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
  expect(keeper.fault).toBeUndefined();
  await waitFor(() => keeper.fault !== undefined);
  proxy.refuse(false);
  await waitFor(() => keeper.fault === undefined);
  expect((await stored())['a/one']).toBe('1b');
  expect(changes).toEqual(['VALKEY_UNAVAILABLE', undefined]);
});

test('after the stop nothing is written any more', async () => {
  const { keeper, texts } = keep({ 'a/one': '1' });
  keeper.start();
  await keeper.publish('a/one');
  await keeper.stop();
  texts.set('a/one', '1b');
  await expect(keeper.publish('a/one')).rejects.toThrow('not known');
  expect((await stored())['a/one']).toBe('1');
});
