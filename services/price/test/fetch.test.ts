/** Prices that nobody has, fetched from simulated venues: three servers on one Valkey, real REST. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { demoPair, startExchanges, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Answer, type Harness, type Pod } from './harness.ts';

let harness: Harness;
let exchanges: Exchanges;
let pods: Pod[];
let key: string;
let onDemandKey: string;

const PAIRS = ['BTC', 'ETH', 'SOL', 'ADA', 'DOGE', 'XRP', 'LTC', 'LINK', 'DOT', 'AVAX'];
const LIMITS = { requestsPerSecond: 10_000, burst: 10_000 };
const access = (onDemandAssets: boolean, allowStale = false) =>
  ({ protocols: ['http', 'udp', 'sse'], allowStale, onDemandAssets }) as const;

beforeAll(async () => {
  exchanges = await startExchanges({
    venues: ['coinbase', 'kraken'],
    pairs: PAIRS.map((asset) => demoPair(asset, 'USD')),
    ticksPerSecond: 0,
  });
  harness = await startHarness();
  const sources = ['coinbase', 'kraken'].map((id) => {
    return {
      name: id,
      exchange: id,
      url: exchanges.addresses[id]?.ws ?? '',
      restUrl: exchanges.addresses[id]?.rest ?? '',
    };
  });
  await harness.publishFeeds(
    feedDocument({ assets: ['BTC', 'ETH', 'XRP', 'DEAD', 'AVAX'], sources, fallback: { enabled: true } }),
    feedDocument({ feed: 'weir/off', assets: ['DOT'], sources }),
    feedDocument({ feed: 'weir/none', quote: 'EUR', assets: ['BTC'], sources: [] }),
  );
  await harness.publishPolicies(
    policyDocument({ limits: LIMITS, access: access(false) }),
    policyDocument({ policy: 'weir/wide', tier: 'wide', limits: LIMITS, access: access(true) }),
    policyDocument({
      policy: 'weir/narrow',
      tier: 'narrow',
      limits: LIMITS,
      feeds: ['weir/none'],
      access: access(true),
    }),
    policyDocument({
      policy: 'weir/small',
      tier: 'small',
      limits: { requestsPerSecond: 0.001, burst: 3 },
      access: access(true),
    }),
  );
  pods = [await harness.startPod(), await harness.startPod(), await harness.startPod()];
  key = await harness.putKey();
  onDemandKey = await harness.putKey({ tier: 'wide' });
}, 60_000);

afterEach(() => {
  harness.server.resume();
  for (const id of ['coinbase', 'kraken']) exchanges.venue(id).restore();
});
afterAll(async () => {
  await harness.stop();
  await exchanges.stop();
});

function pod(index: number): Pod {
  const found = pods[index];
  if (found === undefined) throw new RangeError(`there is no server ${index}`);
  return found;
}
const restCount = (): number => exchanges.venue('coinbase').restCount + exchanges.venue('kraken').restCount;
const tickers = (symbol: string): number =>
  exchanges.venue('coinbase').restRequests.filter((request) => JSON.stringify(request).includes(`/${symbol}/ticker`))
    .length;

function expectPrice(answer: Answer, asset: string): void {
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining(`"asset":"${asset}"`)]);
  expect(answer.body).toMatchObject({ source: 'coinbase-rest', sources: ['coinbase-rest'], status: 'fresh' });
  expect(answer.body['flags']).toEqual(['single', 'fetched']);
}

describe('a declared pair whose price is missing or dead', () => {
  test('is fetched once in the cluster for all who ask at once, and stored for the others', async () => {
    const asked = Array.from({ length: 60 }, (_, index) => pod(index % 3).get('/price?asset=BTC', key));
    const answers = await Promise.all(asked);
    for (const answer of answers) expectPrice(answer, 'BTC');
    expect(tickers('BTC-USD')).toBe(1);
    const seqs = new Set(answers.map(({ body }) => body['seq']));
    expect(seqs.size).toBe(1);
    // Those who waited for the venue know that it was asked for them.
    expect(answers.some(({ body }) => body['cached'] === false)).toBe(true);
    const ttlMs = Number(await harness.valkey.bulk.call('PTTL', keyspace.price.key({ pair: 'BTC' })));
    expect(ttlMs).toBeGreaterThan(500_000);
    expect(await harness.valkey.bulk.call('EXISTS', keyspace.fetchLock.key({ pair: 'BTC' }))).toBe(0);
    // While it lives nobody asks again.
    expect((await pod(0).get('/price?asset=BTC', key)).body['cached']).toBe(true);
    expect(tickers('BTC-USD')).toBe(1);
  });

  test('is not fetched over one that lives in Valkey', async () => {
    await harness.putPrice({ asset: 'ETH', priceText: '1' });
    const before = restCount();
    expect((await pod(0).get('/price?asset=ETH', key)).body).toMatchObject({ price_text: '1', source: 'median' });
    expect(restCount()).toBe(before);
  });

  test('is taken from the next venue when the first one is down', async () => {
    exchanges.venue('coinbase').cut();
    const answer = await pod(0).get('/price?asset=XRP', key);
    expect(answer.body).toMatchObject({ asset: 'XRP', source: 'kraken-rest' });
  });

  test('that no venue knows is asked about once in 5 s, by all', async () => {
    const before = restCount();
    for (const each of pods) expect((await each.get('/price?asset=DEAD', key)).status).toBe(503);
    expect(restCount()).toBe(before);
    expect(await harness.valkey.bulk.call('EXISTS', keyspace.fetchNone.key({ pair: 'DEAD' }))).toBe(1);
  });

  test('is left alone where its feed has no fallback', async () => {
    const before = restCount();
    expect((await pod(0).get('/price?asset=DOT', key)).body).toMatchObject({ code: 'PRICE_NOT_AVAILABLE' });
    expect(restCount()).toBe(before);
  });
});

describe('an asset that no feed keeps', () => {
  test('is unknown to keys whose policy does not let them ask for it', async () => {
    expect((await pod(0).get('/price?asset=SOL', key)).body).toMatchObject({ code: 'ASSET_UNKNOWN' });
  });

  test('is fetched for the others, and once for all who ask within its freshness', async () => {
    const asked = Array.from({ length: 30 }, (_, index) => pod(index % 3).get('/price?asset=SOL', onDemandKey));
    for (const answer of await Promise.all(asked)) expectPrice(answer, 'SOL');
    expect(tickers('SOL-USD')).toBe(1);
    expectPrice(await pod(2).get('/price?asset=SOL-USD', onDemandKey), 'SOL');
  });

  test('is one of a list, which is paid for before a venue is asked', async () => {
    const small = await harness.putKey({ tier: 'small' });
    const answer = await pod(0).get('/prices?assets=ADA,LTC', small);
    expect(answer.body['prices']).toMatchObject([{ asset: 'ADA' }, { asset: 'LTC' }]);
    const before = restCount();
    expect((await pod(0).get('/prices?assets=LINK,DOGE', small)).status).toBe(429);
    expect(restCount()).toBe(before);
  });

  test('that no venue lists is unknown, and leaves nothing behind', async () => {
    const before = restCount();
    const names = Array.from({ length: 50 }, (_, index) => `NOSUCH${index}`);
    for (const name of names) {
      const answer = await pod(0).get(`/price?asset=${name}`, onDemandKey);
      expect([answer.status, answer.body['code']]).toEqual([404, 'ASSET_UNKNOWN']);
    }
    expect(restCount()).toBe(before);
    expect(await harness.valkey.bulk.call('EXISTS', ...names.map((pair) => keyspace.fetchNone.key({ pair })))).toBe(0);
  });

  test('is unknown where the feeds that the key may use have no venue', async () => {
    const narrow = await harness.putKey({ tier: 'narrow' });
    expect((await pod(0).get('/price?asset=SOL', narrow)).body).toMatchObject({ code: 'ASSET_UNKNOWN' });
  });

  test('with all venues down is answered at once when it was tried a moment ago, and served again on their return', async () => {
    for (const id of ['coinbase', 'kraken']) exchanges.venue(id).cut();
    const first = await pod(0).get('/price?asset=LINK', onDemandKey);
    expect([first.status, first.body['code']]).toEqual([503, 'PRICE_NOT_AVAILABLE']);
    for (const id of ['coinbase', 'kraken']) exchanges.venue(id).restore();
    await waitFor(async () => (await pod(1).get('/price?asset=LINK', onDemandKey)).status === 200);
  });
});

test('what the governor says of the venues is shown to everybody', async () => {
  const shown = await waitFor(async () => {
    const { status, body } = await pod(1).get('/v1/governor');
    const upstreams = body['upstreams'] as readonly { scope: string; total: number; basis: string }[];
    return status === 200 && upstreams.some(({ total }) => total > 0) && { body, upstreams };
  });
  expect(shown.body).toMatchObject({ window_seconds: 30, max_concurrent: 16 });
  expect(shown.upstreams.map(({ scope }) => scope)).toEqual(['lpo:coinbase', 'lpo:kraken']);
});

test('while Valkey hangs each server fetches for itself', async () => {
  // It knows the lists and the key.
  expectPrice(await pod(0).get('/price?asset=DOGE', onDemandKey), 'DOGE');
  const before = tickers('AVAX-USD');
  const hanging = await harness.startPod({ decideMs: 50 });
  expectPrice(await hanging.get('/price?asset=DOGE', onDemandKey), 'DOGE');
  harness.server.hang();
  // Its share of the quota comes with the time.
  const answer = await waitFor(async () => {
    const found = await hanging.get('/price?asset=AVAX', onDemandKey);
    return found.status === 200 && found;
  }, 20_000);
  expectPrice(answer, 'AVAX');
  expect(answer.body['cached']).toBe(false);
  await hanging.get('/price?asset=AVAX', onDemandKey);
  expect(tickers('AVAX-USD')).toBe(before + 1);
});

test('the rights of its ACL user suffice', async () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/valkey.md'), 'utf8');
  const rules = /^price (resetchannels .*)$/m.exec(page)?.[1] ?? '';
  // It may have hung a moment ago.
  await waitFor(() => harness.valkey.bulk.call('PING').catch(() => undefined));
  await harness.valkey.bulk.call('ACL', 'SETUSER', 'price', 'reset', 'on', '>secret', ...rules.split(' '));
  const url = harness.server.url.replace('redis://', 'redis://price:secret@');
  const restricted = await harness.startPod({ url });
  await harness.valkey.bulk.call(
    'DEL',
    keyspace.price.key({ pair: 'AVAX' }),
    keyspace.venueInstruments.key({ venue: 'kraken' }),
  );
  expectPrice(await restricted.get('/price?asset=AVAX', key), 'AVAX');
  await waitFor(async () => (await restricted.get('/v1/governor')).status === 200);
  await restricted.stop();
  expect(await harness.valkey.bulk.call('ACL', 'LOG')).toEqual([]);
});
