import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPriceTable, headOf, supersedes } from './price-table.ts';
import { feedDocument, priceRecord } from '../test/samples.ts';

const NOW_MS = Date.UTC(2026, 10, 20);
const seqAt = (ms: number): number => ms * 1_000;

test('keeps the slots of pairs that stay declared, with their prices, and lets the others go', () => {
  const table = createPriceTable();
  const first = table.declare(new Map([['a/x', feedDocument({ feed: 'a/x', assets: ['BTC', 'ETH'] })]]), 0);
  expect(first.map(({ pair }) => pair)).toEqual(['BTC', 'ETH']);
  expect(table.apply(priceRecord({ asset: 'BTC' }), NOW_MS)).toBe(true);
  const second = table.declare(new Map([['a/x', feedDocument({ feed: 'a/x', assets: ['BTC', 'SOL'] })]]), 0);
  expect(second.map(({ pair }) => pair)).toEqual(['SOL']);
  expect(table.slot('BTC')?.record?.priceText).toBe('84737.58');
  expect(table.slot('ETH')).toBeUndefined();
  expect(table.size).toBe(2);
});

test('gives a pair that two feeds declare to the first by name, and tells the slot of its new feed when that goes', () => {
  const table = createPriceTable();
  const [a, b] = [feedDocument({ feed: 'a/x' }), feedDocument({ feed: 'b/x' })];
  table.declare(
    new Map([
      ['b/x', b],
      ['a/x', a],
    ]),
    0,
  );
  expect(table.slot('BTC')?.feed.name).toBe('a/x');
  expect(table.feeds.get('b/x')?.slots).toEqual([]);
  table.declare(new Map([['b/x', b]]), 0);
  expect(table.slot('BTC')?.feed.name).toBe('b/x');
});

test('keeps what it knows of a feed when the document changes', () => {
  const table = createPriceTable();
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x' })]]), 0);
  const feed = table.feeds.get('a/x');
  Object.assign(feed ?? {}, { lease: 'l1', lastNumber: 7, listing: 'old' });
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x', assets: ['BTC', 'SOL'] })]]), 0);
  expect(table.feeds.get('a/x')).toMatchObject({ lease: 'l1', lastNumber: 7, listing: undefined });
});

test('names pairs in another quote than USD with it', () => {
  const table = createPriceTable();
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x', quote: 'EUR' })]]), 0);
  expect(table.slot('BTC-EUR')).toBeDefined();
  expect(table.apply(priceRecord({ asset: 'BTC', quote: 'EUR' }), NOW_MS)).toBe(true);
  expect(table.apply(priceRecord({ asset: 'BTC', quote: 'USD' }), NOW_MS)).toBe(false);
});

test('a confirmation moves the instant of the record it speaks of, and of no other', () => {
  const table = createPriceTable();
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x', quote: 'EUR' })]]), 0);
  const feed = table.feeds.get('a/x');
  const slot = table.slot('BTC-EUR');
  if (slot === undefined || feed === undefined) throw new Error('BTC is declared');
  const confirm = (sinceSeq: number, seq: number, asset = 'BTC'): typeof slot | undefined =>
    table.confirm(feed, { asset, sinceSeq, seq, confirmedAtMs: NOW_MS + seq });
  // Nothing is known yet.
  expect(confirm(10, 11)).toBe(slot);
  expect(confirm(10, 11, 'UNKNOWN')).toBeUndefined();
  table.apply(priceRecord({ quote: 'EUR', seq: 10, confirmedAtMs: NOW_MS }), NOW_MS);
  const head = headOf(slot, slot.record ?? priceRecord());
  expect(confirm(10, 12)).toBeUndefined();
  expect(slot.record).toMatchObject({ seq: 12, confirmedAtMs: NOW_MS + 12, priceText: '84737.58' });
  expect(headOf(slot, slot.record ?? priceRecord())).not.toBe(head);
  // One that comes late, or speaks of a record that was missed.
  expect(confirm(10, 11)).toBeUndefined();
  expect(confirm(13, 14)).toBe(slot);
  expect(slot.record).toMatchObject({ seq: 12, confirmedAtMs: NOW_MS + 12 });
});

test('a new record gets a new head', () => {
  const table = createPriceTable();
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x' })]]), 0);
  const slot = table.slot('BTC');
  const older = priceRecord({ seq: seqAt(NOW_MS) });
  const newer = priceRecord({ seq: seqAt(NOW_MS) + 1, priceText: '84737.59' });
  if (slot === undefined) throw new Error('BTC is declared');
  table.apply(older, NOW_MS);
  expect(headOf(slot, older)).toContain('"price":84737.58,');
  table.apply(newer, NOW_MS);
  expect(headOf(slot, newer)).toContain('"price":84737.59,');
});

test('knows the bytes of a head whatever is in it', () => {
  const table = createPriceTable();
  table.declare(new Map([['a/x', feedDocument({ feed: 'a/x' })]]), 0);
  const slot = table.slot('BTC');
  if (slot === undefined) throw new Error('BTC is declared');
  for (const source of ['coinbase-ws', 'börse-ws', '取引所-ws', 'coinbase-ws']) {
    const record = priceRecord({ seq: seqAt(NOW_MS), source });
    slot.head = undefined;
    expect(Buffer.byteLength(headOf(slot, record))).toBe(headOf(slot, record).length + slot.headExtraBytes);
  }
});

test('never goes back to a smaller or equal seq while the held one is of the present', () => {
  const seqs = fc.integer({ min: seqAt(NOW_MS - 60_000), max: seqAt(NOW_MS) });
  fc.assert(
    fc.property(fc.array(seqs, { minLength: 1 }), (arrivals) => {
      const table = createPriceTable();
      table.declare(new Map([['a/x', feedDocument({ feed: 'a/x' })]]), 0);
      for (const seq of arrivals) table.apply(priceRecord({ seq }), NOW_MS);
      return table.slot('BTC')?.record?.seq === Math.max(...arrivals);
    }),
  );
});

test('accepts a smaller seq only when the held one is from the future of the server: its clock, and data, are others', () => {
  const held = priceRecord({ seq: seqAt(NOW_MS + 3_600_000) });
  const incoming = priceRecord({ seq: seqAt(NOW_MS) });
  expect(supersedes(held, incoming, NOW_MS)).toBe(true);
  expect(supersedes(held, incoming, NOW_MS + 3_600_000 - 4_999)).toBe(false);
  expect(supersedes(held, { ...held }, NOW_MS)).toBe(false);
});

test('a confirmation by its feed gives no fetched price an age: it is read again', () => {
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument()]]), 0);
  const feed = table.feeds.get('weir/majors');
  if (feed === undefined) throw new Error('there is one');
  const fetched = priceRecord({ seq: 20, source: 'coinbase-rest', flags: ['single', 'fetched'] });
  table.apply(fetched, 0);
  const confirmation = { asset: 'BTC', sinceSeq: 10, seq: 30, confirmedAtMs: fetched.confirmedAtMs + 5_000 };
  expect(table.confirm(feed, confirmation)).toBe(table.slot('BTC'));
  expect(table.slot('BTC')?.record).toBe(fetched);
});
