import { createFakeClock, silentLogger } from '@weir/testing';
import type { FeedDocument } from '@weir/wire';
import { expect, test } from 'vitest';
import { sampleFeed, type SampleFeed } from '../../test/price-feed/sample-feed.ts';
import { Store } from '../kube/store.ts';
import { createFeedCatalogue } from './feed-catalogue.ts';
import type { PriceFeed } from './price-feed.ts';

function createCatalogue(
  feeds: readonly SampleFeed[] = [],
  options: { venues?: Record<string, { url: string; restUrl: string }> } = {},
) {
  const store = new Store<PriceFeed>({ clock: createFakeClock(), logger: silentLogger, scopes: [''] });
  const catalogue = createFeedCatalogue({
    feeds: store,
    trustedNamespaces: ['weir', 'shop'],
    venueAddresses: options.venues ?? {},
  });
  const affected: string[] = [];
  catalogue.onAffected((key) => affected.push(key));
  store.replace('', feeds.map(sampleFeed));
  const documents = (): Record<string, FeedDocument> => {
    const entries = [...(catalogue.documents()?.texts ?? [])];
    return Object.fromEntries(entries.map(([key, json]) => [key, JSON.parse(json) as FeedDocument]));
  };
  return { store, catalogue, affected, documents };
}

test('nothing is known before the cache is complete', () => {
  const store = new Store<PriceFeed>({ clock: createFakeClock(), logger: silentLogger, scopes: [''] });
  const catalogue = createFeedCatalogue({ feeds: store, trustedNamespaces: ['weir'], venueAddresses: {} });
  store.put(sampleFeed());
  expect(catalogue.documents()).toBeUndefined();
  store.replace('', [sampleFeed()]);
  expect([...(catalogue.documents()?.texts.keys() ?? [])]).toEqual(['weir/majors']);
});

test('every trusted feed has its document, and no other', () => {
  const { documents, catalogue } = createCatalogue([{}, { namespace: 'elsewhere', spec: { assets: ['XRP'] } }]);
  expect(Object.keys(documents())).toEqual(['weir/majors']);
  expect(catalogue.verdictOf(sampleFeed({ namespace: 'elsewhere' })).kind).toBe('untrusted');
});

test('the younger feed publishes without the pairs it lost, and says to whom', () => {
  const young: SampleFeed = { name: 'young', namespace: 'shop', born: 5, spec: { assets: ['ETH', 'SOL'] } };
  const { documents, catalogue } = createCatalogue([young, {}]);
  expect(documents()['shop/young']?.assets).toEqual(['SOL']);
  const verdict = catalogue.verdictOf(sampleFeed(young));
  expect(verdict).toMatchObject({ kind: 'published', owned: 1, lost: new Map([['weir/majors', ['ETH']]]) });
});

test('a feed that is left with nothing has no document', () => {
  const young: SampleFeed = { name: 'young', born: 5 };
  const { documents, catalogue } = createCatalogue([young, {}]);
  expect(Object.keys(documents())).toEqual(['weir/majors']);
  expect(catalogue.verdictOf(sampleFeed(young)).kind).toBe('conflicted');
});

test('when the owner goes, the loser has its pairs and is to be looked at', () => {
  const { store, documents, affected } = createCatalogue([{ name: 'young', born: 5 }, {}]);
  documents();
  affected.length = 0;
  store.remove('weir/majors');
  expect(documents()['weir/young']?.assets).toEqual(['BTC', 'ETH']);
  expect(affected).toEqual(['weir/young']);
});

test('feeds that differ in the quota of an exchange are told, both of them, until one goes', () => {
  const withQuota = (points: number) => [
    { name: 'kraken', exchange: 'kraken', quota: { points, duration: '60s', window: 'Smooth' } },
  ];
  const other: SampleFeed = { name: 'other', born: 5, spec: { assets: ['SOL'], sources: withQuota(60) } };
  const first: SampleFeed = { spec: { sources: withQuota(100) } };
  const untrusted: SampleFeed = { name: 'x', namespace: 'elsewhere', spec: { assets: ['X'], sources: withQuota(1) } };
  const { store, catalogue, affected } = createCatalogue([other, first, untrusted]);
  const lowest = { points: 60, durationMs: 60_000, window: 'Smooth' };
  for (const feed of [other, first]) {
    expect(catalogue.quotaConflictsOf(sampleFeed(feed))).toMatchObject([{ lowest, holder: 'weir/other' }]);
  }
  expect(catalogue.quotaConflictsOf(sampleFeed(untrusted))).toEqual([]);
  affected.length = 0;
  store.remove('weir/other');
  expect(catalogue.quotaConflictsOf(sampleFeed(first))).toEqual([]);
  expect(affected).toContain('weir/majors');
});

test('the lowest quota that a feed names for an exchange is in the document of each feed that names the exchange', () => {
  const kraken = { name: 'kraken', exchange: 'kraken' };
  const named = (points: number) => [{ ...kraken, quota: { points, duration: '60s', window: 'Smooth' } }];
  const silent: SampleFeed = { spec: { sources: [kraken, { name: 'okx', exchange: 'okx' }] } };
  const high: SampleFeed = { name: 'high', spec: { assets: ['SOL'], sources: named(100) } };
  const low: SampleFeed = { name: 'low', spec: { assets: ['ADA'], sources: named(60) } };
  const { store, documents, affected } = createCatalogue([silent, high]);
  const points = (): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(documents()).map(([key, { sources }]) => [key, sources.map(({ quota }) => quota?.points)]),
    );
  expect(points()).toEqual({ 'weir/majors': [100, undefined], 'weir/high': [100] });
  store.put(sampleFeed(low));
  expect(points()).toEqual({ 'weir/majors': [60, undefined], 'weir/high': [60], 'weir/low': [60] });
  expect(affected).toContain('weir/majors');
  affected.length = 0;
  store.remove('weir/low');
  store.remove('weir/high');
  expect(points()).toEqual({ 'weir/majors': [undefined, undefined] });
  expect(affected).toContain('weir/majors');
});

test('a feed that is being deleted keeps its pairs until it is released', () => {
  const { store, catalogue, documents, affected } = createCatalogue([{ name: 'young', born: 5 }, {}]);
  const { metadata, ...rest } = sampleFeed();
  const deleting = { ...rest, metadata: { ...metadata, generation: 2, deletionTimestamp: '2026-01-01T01:00:00Z' } };
  store.put(deleting);
  expect(documents()).toHaveProperty('weir/majors');
  affected.length = 0;
  catalogue.release(deleting);
  expect(Object.keys(documents())).toEqual(['weir/young']);
  expect(affected).toEqual(['weir/young']);
  expect(catalogue.unownedPairs(deleting)).toEqual([]);
});

test('pairs that nobody else wants are nobody’s after the release', () => {
  const { catalogue } = createCatalogue([{ name: 'young', born: 5, spec: { assets: ['ETH'] } }, {}]);
  catalogue.release(sampleFeed());
  expect(catalogue.unownedPairs(sampleFeed())).toEqual(['BTC']);
});

test('two assets with one symbol are a fault that names both; what was published stays', () => {
  const { store, catalogue } = createCatalogue();
  const feed = sampleFeed();
  const symbols = { BTC: 'X', ETH: 'X' };
  const faulty = { ...feed, spec: { ...feed.spec, sources: feed.spec.sources.map((each) => ({ ...each, symbols })) } };
  store.put(faulty);
  expect(catalogue.verdictOf(faulty)).toMatchObject({
    kind: 'invalid',
    faults: [
      'spec.sources[0].symbols.ETH is "X", which is the symbol of BTC already; give each asset a symbol of its own',
    ],
  });
  const { texts, kept } = catalogue.documents() ?? {};
  expect([texts?.size, [...(kept ?? [])]]).toEqual([0, ['weir/majors']]);
});

test('a feed that was stored by another schema is invalid, and keeps no other from its document', () => {
  const { store, catalogue, documents } = createCatalogue([{ name: 'other', spec: { assets: ['SOL'] } }]);
  const feed = sampleFeed();
  const odd = { ...feed, spec: { ...feed.spec, publish: { ...feed.spec.publish, interval: '30 s' } } };
  store.put(odd);
  expect(Object.keys(documents())).toEqual(['weir/other']);
  expect([...(catalogue.documents()?.kept ?? [])]).toEqual(['weir/majors']);
  const { faults } = catalogue.verdictOf(odd) as { faults?: readonly string[] };
  expect(faults?.join()).toContain('not a duration: "30 s"');
});

test('a source without an address gets the one of its exchange; one with an address keeps it', () => {
  const sources = [
    { name: 'a', exchange: 'kraken' },
    { name: 'b', exchange: 'kraken', url: 'wss://mine.example', restUrl: 'https://mine.example' },
    { name: 'c', exchange: 'coinbase' },
  ];
  const { documents } = createCatalogue([{ spec: { sources } }], {
    venues: { kraken: { url: 'ws://simulated:1', restUrl: 'http://simulated:1' } },
  });
  expect(documents()['weir/majors']?.sources.map(({ url, restUrl }) => [url, restUrl])).toEqual([
    ['ws://simulated:1', 'http://simulated:1'],
    ['wss://mine.example', 'https://mine.example'],
    [undefined, undefined],
  ]);
});

test('symbols of lost assets go with them', () => {
  const symbols = { BTC: 'XBT/USD', SOL: 'SOL/USD' };
  const spec = { assets: ['BTC', 'SOL'], sources: [{ name: 'kraken', exchange: 'kraken', symbols }] };
  const { documents } = createCatalogue([{ name: 'young', born: 5, spec }, {}]);
  expect(documents()['weir/young']?.sources[0]?.symbols).toEqual({ SOL: 'SOL/USD' });
});

test('a change of status alone changes no document', () => {
  const { store, catalogue } = createCatalogue([{}]);
  const before = catalogue.documents()?.texts.get('weir/majors');
  store.put({ ...sampleFeed(), status: { observedGeneration: 1 } });
  expect(catalogue.documents()?.texts.get('weir/majors')).toBe(before);
});
