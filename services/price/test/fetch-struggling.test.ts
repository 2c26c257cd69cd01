/** Prices that nobody has while venues hang: three servers on one Valkey, one venue that never says a price, one that does. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { demoPair, startExchanges, type Exchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Answer, type Harness, type Pod } from './harness.ts';

const LIMITS = { requestsPerSecond: 10_000, burst: 10_000 };
const ACCESS = { protocols: ['http', 'udp', 'sse'], allowStale: true, onDemandAssets: false } as const;
const MANY = Array.from({ length: 300 }, (_, index) => `M${index}`);

let harness: Harness;
let exchanges: Exchanges;
let hanging: Server;
/** Prices that the venue was asked for and did not say. */
let hungCount = 0;
let pods: Pod[];
let key: string;

/** Lists of markets it answers as the other one does. */
async function startHanging(target: string): Promise<string> {
  hanging = createServer((request, response) => {
    if (request.url?.includes('ticker') === true) {
      hungCount += 1;
      return;
    }
    void fetch(target + (request.url ?? '')).then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
  });
  hanging.listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  // A server that listens on a TCP port has an AddressInfo.
  return `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  const pairs = ['BTC', 'ETH', 'SOL', ...MANY].map((asset) => demoPair(asset, 'USD'));
  exchanges = await startExchanges({ venues: ['coinbase', 'kraken'], pairs, ticksPerSecond: 0 });
  const hungUrl = await startHanging(exchanges.addresses['coinbase']?.rest ?? '');
  const hung = { name: 'coinbase', exchange: 'coinbase', restUrl: hungUrl };
  const well = { name: 'kraken', exchange: 'kraken', restUrl: exchanges.addresses['kraken']?.rest ?? '' };
  harness = await startHarness();
  const freshness = { freshMs: 100, staleMs: 200, deadMs: 300 };
  const fallback = { enabled: true };
  await harness.publishFeeds(
    feedDocument({ feed: 'weir/a-both', assets: ['BTC'], sources: [hung, well], freshness, fallback }),
    feedDocument({ feed: 'weir/b-well', assets: ['ETH', 'DEAD'], sources: [well], fallback }),
    feedDocument({ feed: 'weir/c-hung', assets: MANY, sources: [hung], fallback }),
  );
  await harness.publishPolicies(
    policyDocument({ limits: LIMITS, access: ACCESS }),
    policyDocument({
      policy: 'weir/ten',
      tier: 'ten',
      limits: { requestsPerSecond: 0.001, burst: 10 },
      access: ACCESS,
    }),
    policyDocument({
      policy: 'weir/only-b',
      tier: 'only-b',
      limits: LIMITS,
      feeds: ['weir/b-well'],
      access: { ...ACCESS, onDemandAssets: true },
    }),
  );
  pods = [await harness.startPod(), await harness.startPod(), await harness.startPod()];
  key = await harness.putKey();
}, 60_000);

afterAll(async () => {
  hanging.closeAllConnections();
  hanging.close();
  await harness.stop();
  await exchanges.stop();
});

function pod(index: number): Pod {
  const found = pods[index];
  if (found === undefined) throw new RangeError(`there is no server ${index}`);
  return found;
}

test('while the first venue of its feed hangs, a pair is served by the next one, which then is asked first', async () => {
  expect(await pod(0).get('/price?asset=BTC', key)).toMatchObject({ status: 200, body: { source: 'kraken-rest' } });
  expect(hungCount).toBe(1);
  // Its price is dead after 300 ms, and fetched anew.
  const { body } = await pod(0).get('/price?asset=BTC', key);
  await waitFor(async () => {
    const again = await pod(0).get('/price?asset=BTC', key);
    return again.status === 200 && again.body['cached'] === false && again.body['seq'] !== body['seq'];
  });
  expect(hungCount).toBe(1);
});

test('an asset on demand is asked only of venues of the feeds that the policy includes', async () => {
  const onlyB = await harness.putKey({ tier: 'only-b' });
  const before = hungCount;
  expect((await pod(0).get('/price?asset=SOL', onlyB)).body).toMatchObject({ source: 'kraken-rest', cached: false });
  expect(hungCount).toBe(before);
});

test('a list costs one call for each price answered, whether what is not answered was asked of a venue or not', async () => {
  const ten = await harness.putKey({ tier: 'ten' });
  const left = (answer: Answer): string | undefined => /r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1];
  const none = keyspace.fetchNone.key({ pair: 'DEAD' });
  const asked = exchanges.venue('kraken').restCount;
  // Each server asks about DEAD when it first hears of it, and leaves it alone for a while after that.
  const rows: unknown[] = [];
  for (const index of [0, 0, 1, 1]) {
    await harness.valkey.bulk.call('DEL', none);
    const answer = await pod(index).get('/prices?assets=ETH,DEAD', ten);
    rows.push([answer.status, (answer.body['prices'] as unknown[]).length, left(answer)]);
  }
  expect(rows).toEqual([
    [200, 1, '9'],
    [200, 1, '8'],
    [200, 1, '7'],
    [200, 1, '6'],
  ]);
  expect(exchanges.venue('kraken').restCount).toBeGreaterThan(asked);
  await harness.valkey.bulk.call('DEL', none);
  expect(await pod(2).get('/prices?assets=DEAD', ten)).toMatchObject({ status: 503 });
  expect(left(await pod(2).get('/price?asset=ETH', ten))).toBe('5');
});

test('a feed that is dead costs few commands for each request, and what is too much at once is not waited for', async () => {
  const commands = async (): Promise<number> => {
    const stats = String(await harness.valkey.bulk.call('INFO', 'stats'));
    return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
  };
  // The list of markets is known before.
  await Promise.all(pods.map((each) => each.get('/price?asset=M0', key)));
  const before = await commands();
  const answers = await Promise.all(
    pods.flatMap((each) => MANY.slice(1).map((asset) => each.get(`/price?asset=${asset}`, key))),
  );
  const perRequest = ((await commands()) - before) / answers.length;
  for (const { status, headers } of answers) expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  // About 5; where requests arrive so slowly that each pair is fetched on its own, 6 of one server and 18 of each other.
  expect(perRequest).toBeLessThan(16);
  const pages = await Promise.all(pods.map(({ telemetry }) => telemetry.scrape()));
  const busy = pages.map((page) => Number(/weir_price_fetches\w*\{outcome="busy"\} (\d+)/.exec(page)?.[1]));
  expect(busy.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
});
