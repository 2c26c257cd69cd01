/** Prices that venues tell in USDT, for who asks in dollars; and the ways in which assets on demand can be asked for. */
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';
import { createSession, openUdpClient } from './udp-client.ts';

const QUOTA_KEY = keyspace.providerQuota.key({ provider: 'kraken' });

let harness: Harness;
let exchanges: Exchanges;
let pod: Pod;
let key: string;

beforeAll(async () => {
  exchanges = await startExchanges({
    venues: ['kraken', 'bybit'],
    pairs: [
      { asset: 'USDT', quote: 'USD', price: '0.9950' },
      { asset: 'BTC', quote: 'USD', price: '64123.07' },
      { asset: 'ETH', quote: 'USD', price: '3100.50' },
      { asset: 'SOL', quote: 'USD', price: '150.25' },
      { asset: 'ADA', quote: 'USD', price: '0.4501' },
    ],
    ticksPerSecond: 0,
  });
  harness = await startHarness();
  const source = (id: string) => {
    const { ws: url, rest: restUrl } = exchanges.addresses[id] ?? { ws: '', rest: '' };
    return { name: id, exchange: id, url, restUrl };
  };
  const fallback = { enabled: true };
  await harness.publishFeeds(
    feedDocument({ assets: ['BTC'], sources: [source('bybit')], fallback }),
    feedDocument({ feed: 'weir/dollars', quote: 'EUR', assets: ['BTC'], sources: [source('kraken')], fallback }),
  );
  const access = {
    protocols: ['http' as const, 'udp' as const, 'sse' as const],
    allowStale: false,
    onDemandAssets: true,
  };
  await harness.publishPolicies(policyDocument({ limits: { requestsPerSecond: 10_000, burst: 10_000 }, access }));
  pod = await harness.startPod({ udpSecret: 'a-secret-of-the-installation-0123456789' });
  key = await harness.putKey();
}, 60_000);
afterAll(async () => {
  await harness.stop();
  await exchanges.stop();
});

const asked = (venue: string, text: string): number =>
  exchanges.venue(venue).restRequests.filter((request) => JSON.stringify(request).includes(text)).length;

test('a declared pair of a venue in USDT is converted by the rate of USDT, which is fetched once', async () => {
  const { body } = await pod.get('/price?asset=BTC', key);
  expect(body).toMatchObject({ source: 'bybit-rest', flags: ['single', 'fetched'], quote: 'USD' });
  // Not the 64445 that the venue says.
  expect(Number(body['price_text']) / 64_123.07).toBeCloseTo(1, 3);
  expect(Number(body['confidence'])).toBeGreaterThan(0);
  expect(await harness.valkey.bulk.call('EXISTS', keyspace.price.key({ pair: 'USDT' }))).toBe(1);
  // Its feed names no quota: what Kraken is known to allow holds, as for feeds.
  expect(await harness.valkey.bulk.call('HMGET', QUOTA_KEY, 'limit', 'window')).toEqual(['60', '60000']);
  // Nobody trades it against the dollar but the other venue.
  exchanges.venue('kraken').cut();
  const before = asked('kraken', 'Ticker');
  expect((await pod.get('/price?asset=ETH', key)).body).toMatchObject({ source: 'bybit-rest' });
  expect(asked('kraken', 'Ticker')).toBe(before);
  exchanges.venue('kraken').restore();
});

test('what trades in dollars comes before what has to be converted', async () => {
  expect((await pod.get('/price?asset=SOL', key)).body).toMatchObject({ source: 'kraken-rest' });
});

test('while USDT is off the dollar nothing is converted', async () => {
  const offDollar = { asset: 'USDT', quote: 'USD', priceText: '0.97', source: 'kraken-ws', sources: ['kraken-ws'] };
  await harness.putPrice(offDollar);
  exchanges.venue('kraken').setPrice('USDT', '0.9700');
  exchanges.venue('kraken').cut();
  const fresh = await harness.startPod();
  const { status, body } = await fresh.get('/price?asset=ADA', key);
  expect([status, body['code']]).toEqual([503, 'PRICE_NOT_AVAILABLE']);
  exchanges.venue('kraken').restore();
});

test('an asset that no feed keeps is answered over UDP, and a stream of it is refused with the way out', async () => {
  const client = await openUdpClient();
  const session = await createSession(pod, key);
  expect(await client.ask(session, { asset: 'SOL' })).toMatchObject({ asset: 'SOL', source: 'kraken-rest' });
  expect(await client.ask(session, { asset: 'NOPE' })).toMatchObject({ code: 404, error: 'ASSET_UNKNOWN' });
  client.close();
  const stream = await pod.get('/prices/stream?assets=BTC,SOL', key);
  expect([stream.status, stream.body['code']]).toEqual([404, 'ASSET_UNKNOWN']);
  expect(stream.body['detail']).toContain('GET /price');
});
