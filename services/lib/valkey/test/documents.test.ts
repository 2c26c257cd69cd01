import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestValkey,
  waitFor,
  type TestValkey,
} from '@weir/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import {
  createValkey,
  parseValkeyUrl,
  publishChanges,
  publishDocuments,
  watchDocuments,
  type DocumentWatch,
  type Valkey,
} from '../index.ts';

interface Document {
  readonly text: string;
}

let server: TestValkey;
let valkey: Valkey;
const open: { close(): Promise<void> }[] = [];

const connect = (): Valkey =>
  createValkey({
    target: parseValkeyUrl(server.url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    // What is under test here is the documents, on a machine that may be busy.
    deadlines: { decideMs: 5_000, bulkMs: 5_000 },
  });

beforeAll(async () => {
  server = await startTestValkey();
  valkey = connect();
  await valkey.ready();
});

afterAll(async () => {
  await valkey.close();
  await server.stop();
});

beforeEach(() => valkey.bulk.call('FLUSHALL'));

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** A JSON text that is as long as asked for. */
const documentOf = (text: string): string => JSON.stringify({ text });

const publish = (documents: Record<string, string | undefined>): Promise<number> =>
  publishDocuments(valkey.bulk, 'feeds', new Map(Object.entries(documents)));

/** How often somebody has asked for the number, by the server's own count. */
async function countPolls(): Promise<number> {
  const statistics = String(await valkey.bulk.call('INFO', 'commandstats'));
  return Number(/cmdstat_hget:calls=(\d+)/.exec(statistics)?.[1] ?? 0);
}

interface Watched {
  readonly watch: DocumentWatch<Document>;
  /** Names of the documents with their texts, after every change. */
  readonly changes: Record<string, string>[];
  readonly seqs: number[];
  readonly parsed: string[];
}

function watchFeeds(fields?: (field: string) => boolean): Watched {
  const changes: Record<string, string>[] = [];
  const parsed: string[] = [];
  const seqs: number[] = [];
  const watch = watchDocuments<Document>({
    valkey,
    family: 'feeds',
    clock: systemClock,
    logger: silentLogger,
    parse(json) {
      if (json === 'broken') return undefined;
      const document = JSON.parse(json) as Document;
      parsed.push(document.text);
      return document;
    },
    onChange: (snapshot) => changes.push(Object.fromEntries([...snapshot].map(([field, { text }]) => [field, text]))),
    onSeq: (seq) => seqs.push(seq),
    ...(fields !== undefined && { fields }),
  });
  open.push(watch);
  return { watch, changes, seqs, parsed };
}

test('a reader is ready with nothing, then hears of every document that comes, changes and goes', async () => {
  const { watch, changes, parsed } = watchFeeds();
  await watch.ready;
  expect([changes, watch.seq]).toEqual([[{}], 0]);

  const first = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  await waitFor(() => watch.seq === first);
  const second = await publish({ 'a/one': documentOf('1b') });
  await waitFor(() => watch.seq === second);
  const third = await publish({ 'a/two': undefined });
  await waitFor(() => watch.seq === third);

  expect(changes).toEqual([{}, { 'a/one': '1', 'a/two': '2' }, { 'a/one': '1b', 'a/two': '2' }, { 'a/one': '1b' }]);
  expect(parsed).toEqual(['1', '2', '1b']);
});

test('publishing what is there already writes nothing and keeps the number', async () => {
  const big = documentOf('x'.repeat(200_000));
  const seq = await publish({ 'a/one': documentOf('1'), 'a/big': big });
  expect(await publish({ 'a/one': documentOf('1'), 'a/big': big, 'a/absent': undefined })).toBe(seq);
  expect(await publish({ 'a/one': documentOf('2') })).toBeGreaterThan(seq);
});

test('a part is published only onto the set that it belongs to: never onto a lost one', async () => {
  const seq = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  const change = new Map([
    ['a/one', documentOf('1b')],
    ['a/two', undefined],
  ]);
  expect(await publishChanges(valkey.bulk, 'feeds', change, seq - 1)).toBeUndefined();
  const next = await publishChanges(valkey.bulk, 'feeds', change, seq);
  expect(next).toBeGreaterThan(seq);
  expect(await valkey.bulk.hgetall(keyspace.feeds.key())).toEqual({ '#seq': String(next), 'a/one': documentOf('1b') });
  await valkey.bulk.call('FLUSHALL');
  expect(await publishChanges(valkey.bulk, 'feeds', change, next ?? 0)).toBeUndefined();
  expect(await valkey.bulk.hgetall(keyspace.feeds.key())).toEqual({});
});

test('an empty set is published once, so that it can be told from a lost hash, and its reader hears of it', async () => {
  const messages: string[] = [];
  const channel = keyspace.policiesUpdates.key();
  let isUp = false;
  open.push(
    valkey.subscribe([channel], {
      message: (_channel, text) => void messages.push(text),
      up: () => {
        isUp = true;
      },
    }),
  );
  await waitFor(() => isUp);
  const seq = await publishDocuments(valkey.bulk, 'policies', new Map());
  expect(seq).toBeGreaterThan(0);
  expect(await publishDocuments(valkey.bulk, 'policies', new Map())).toBe(seq);
  await waitFor(() => messages.length > 0);
  expect(messages.map((text) => JSON.parse(text) as unknown)).toEqual([{ seq, previous: 0, fields: [] }]);
});

test('a document over 64 KB lies in parts named as the keyspace has it, and is read whole', async () => {
  // Three bytes each, so that no cut at 64 KB falls between two of them.
  const text = '€'.repeat(60_000);
  const seq = await publish({ 'a/big': documentOf(text), 'a/small': documentOf('s') });
  const fields = await valkey.bulk.hgetall(keyspace.feeds.key());
  const part = (number: string): string =>
    keyspace.documentPartField.key({ namespace: 'a', name: 'big', part: number });
  expect(Object.keys(fields).toSorted()).toEqual(
    ['#seq', 'a/big', part('1'), part('2'), part('3'), 'a/small'].toSorted(),
  );
  expect(Object.values(fields).every((value) => Buffer.byteLength(value) <= 65_536)).toBe(true);

  const { watch } = watchFeeds();
  await watch.ready;
  expect([watch.seq, watch.snapshot.get('a/big')?.text === text]).toEqual([seq, true]);

  // Its parts go with it.
  const shrunk = await publish({ 'a/big': documentOf('b') });
  await waitFor(() => watch.seq === shrunk);
  expect(watch.snapshot.get('a/big')?.text).toBe('b');
  expect(Object.keys(await valkey.bulk.hgetall(keyspace.feeds.key())).toSorted()).toEqual(['#seq', 'a/big', 'a/small']);
});

test('after FLUSHALL the last snapshot stays, and a new set of documents takes over', async () => {
  const { watch } = watchFeeds();
  await watch.ready;
  const before = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  await waitFor(() => watch.seq === before);
  const unchanged = watch.snapshot.get('a/one');

  await valkey.bulk.call('FLUSHALL');
  const polls = await countPolls();
  await waitFor(async () => (await countPolls()) >= polls + 2);
  expect([watch.seq, watch.snapshot.size]).toEqual([before, 2]);

  const after = await publish({ 'a/one': documentOf('1') });
  expect(after).toBeGreaterThan(before);
  await waitFor(() => watch.seq === after);
  expect([...watch.snapshot.keys()]).toEqual(['a/one']);
  expect(watch.snapshot.get('a/one')).toBe(unchanged);
});

test('a number that went back, by another writer, is survived', async () => {
  const { watch } = watchFeeds();
  const before = await publish({ 'a/one': documentOf('1') });
  await waitFor(() => watch.seq === before);
  await valkey.bulk.call('DEL', 'feeds');
  await valkey.bulk.call('HSET', 'feeds', 'a/one', documentOf('old'), '#seq', 7);
  await waitFor(() => watch.seq === 7);
  expect(watch.snapshot.get('a/one')?.text).toBe('old');
  const after = await publish({ 'a/one': documentOf('new') });
  await waitFor(() => watch.seq === after);
  expect(watch.snapshot.get('a/one')?.text).toBe('new');
});

test('a change that the channel did not carry is found by the poll', async () => {
  const { watch } = watchFeeds();
  const seq = await publish({ 'a/one': documentOf('1') });
  await waitFor(() => watch.seq === seq);
  await valkey.bulk.call('HSET', 'feeds', 'a/one', documentOf('silent'), '#seq', seq + 1);
  await waitFor(() => watch.seq === seq + 1);
  expect(watch.snapshot.get('a/one')?.text).toBe('silent');
});

test('a message that shows a gap leads to a full read', async () => {
  const { watch } = watchFeeds();
  const seq = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  await waitFor(() => watch.seq === seq);
  await valkey.bulk.call('HSET', 'feeds', 'a/one', documentOf('missed'), 'a/two', documentOf('told'), '#seq', seq + 2);
  await valkey.bulk.call(
    'PUBLISH',
    'feeds:updates',
    JSON.stringify({ seq: seq + 2, previous: seq + 1, fields: ['a/two'] }),
  );
  await waitFor(() => watch.seq === seq + 2);
  expect([...watch.snapshot.values()].map(({ text }) => text).toSorted()).toEqual(['missed', 'told']);
});

test('an unreadable document leaves the last good one in place, and the others change', async () => {
  const { watch } = watchFeeds();
  const before = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  await waitFor(() => watch.seq === before);
  const seq = await publish({ 'a/one': 'broken', 'a/two': documentOf('2b') });
  await waitFor(() => watch.seq === seq);
  expect([...watch.snapshot.values()].map(({ text }) => text).toSorted()).toEqual(['1', '2b']);
});

test('a document that cannot be read holds back what counts as applied, until it can be read or is gone', async () => {
  const { watch, seqs } = watchFeeds();
  const before = await publish({ 'a/one': documentOf('1'), 'a/two': documentOf('2') });
  await waitFor(() => watch.seq === before);
  expect(watch.appliedSeq).toBe(before);
  const broken = await publish({ 'a/one': 'broken' });
  const later = await publish({ 'a/two': documentOf('2b') });
  await waitFor(() => watch.seq === later);
  expect([broken < later, watch.appliedSeq]).toEqual([true, before]);
  // One more that stays unread when the first is gone.
  const second = await publish({ 'a/two': 'broken' });
  await waitFor(() => watch.seq === second);
  expect(watch.appliedSeq).toBe(before);
  const gone = await publish({ 'a/one': undefined });
  await waitFor(() => watch.seq === gone);
  expect(watch.appliedSeq).toBe(later);
  const mended = await publish({ 'a/two': documentOf('2c') });
  await waitFor(() => watch.seq === mended);
  expect(watch.appliedSeq).toBe(mended);
  expect(seqs.slice(-5)).toEqual([broken, later, second, gone, mended]);
});

test('a document that cannot be read holds back a first read, a full one, and one whose numbers went back', async () => {
  await publish({ 'a/one': 'broken', 'a/two': documentOf('2') });
  const { watch } = watchFeeds();
  await watch.ready;
  expect([watch.seq > 0, watch.appliedSeq]).toEqual([true, 0]);
  const mended = await publish({ 'a/one': documentOf('1') });
  await waitFor(() => watch.seq === mended);
  expect(watch.appliedSeq).toBe(mended);
  // Past the channel: nobody tells which of the numbers brought it.
  await valkey.bulk.call('HSET', 'feeds', 'a/one', 'broken', '#seq', mended + 5);
  await waitFor(() => watch.seq === mended + 5);
  expect(watch.appliedSeq).toBe(mended);
  await valkey.bulk.call('HSET', 'feeds', '#seq', mended + 9);
  await waitFor(() => watch.seq === mended + 9);
  expect(watch.appliedSeq).toBe(mended);
  await valkey.bulk.call('HSET', 'feeds', '#seq', 7);
  await waitFor(() => watch.seq === 7);
  expect(watch.appliedSeq).toBe(0);
});

test('a reader of one field neither reads nor hears of the others, but of every number', async () => {
  const { watch, changes, parsed, seqs } = watchFeeds((field) => field === 'a/mine');
  await watch.ready;
  const first = await publish({ 'a/mine': documentOf('m'), 'a/other': documentOf('o') });
  await waitFor(() => watch.seq === first);
  const second = await publish({ 'a/other': documentOf('o2') });
  await waitFor(() => watch.seq === second);
  expect([changes, parsed]).toEqual([[{}, { 'a/mine': 'm' }], ['m']]);
  expect(seqs).toEqual([first, second]);
});

test('concurrent publishers lose nothing: every reader ends with every document', async () => {
  const watched = [watchFeeds(), watchFeeds()];
  const names = Array.from({ length: 40 }, (_, index) => `a/d${index}`);
  const numbers = await Promise.all(names.map((name) => publish({ [name]: documentOf(name) })));
  expect(new Set(numbers).size).toBe(names.length);
  const last = Math.max(...numbers);
  for (const { watch } of watched) {
    await waitFor(() => watch.seq === last);
    expect([...watch.snapshot.keys()].toSorted()).toEqual(names.toSorted());
  }
});

test('a refresh answers once the snapshot is as new as the call, without the channel and the poll', async () => {
  const clock = createFakeClock();
  const own = connect();
  await own.ready();
  await publish({ 'weir/a': documentOf('a1') });
  const parse = (json: string): Document => JSON.parse(json) as Document;
  // Its poll stands still, and it hears nothing.
  const deaf = { bulk: own.bulk, subscribe: () => ({ close: () => Promise.resolve() }) };
  const watch = watchDocuments<Document>({
    valkey: deaf,
    family: 'feeds',
    clock,
    logger: silentLogger,
    parse,
    onChange: () => undefined,
  });
  open.push(watch);
  await watch.refresh();
  expect(watch.snapshot.get('weir/a')).toEqual({ text: 'a1' });
  const seq = await publish({ 'weir/a': documentOf('a2') });
  expect(watch.snapshot.get('weir/a')).toEqual({ text: 'a1' });
  await Promise.all([watch.refresh(), watch.refresh()]);
  expect(watch.snapshot.get('weir/a')).toEqual({ text: 'a2' });
  expect(watch.seq).toBe(seq);
  const before = watch.snapshot;
  await watch.refresh();
  expect(watch.snapshot).toBe(before);
  await own.close();
  await expect(watch.refresh()).rejects.toMatchObject({ code: 'VALKEY_UNAVAILABLE' });
});
