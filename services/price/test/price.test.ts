import { keyspace } from '@weir/keyspace';
import { createKeyText } from '@weir/keys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Answer, type Harness, type Pod } from './harness.ts';

let harness: Harness;
let pod: Pod;

const OPEN_ACCESS = { protocols: ['http'], allowStale: true, onDemandAssets: false } as const;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(
    feedDocument({ assets: ['BTC', 'ETH', 'OLD', 'GONE', 'NONE'] }),
    feedDocument({ feed: 'weir/euro', quote: 'EUR', assets: ['BTC'] }),
  );
  await harness.publishPolicies(
    policyDocument(),
    policyDocument({ policy: 'weir/wide', tier: 'wide', limits: { requestsPerSecond: 1_000, burst: 1_000 } }),
    policyDocument({ policy: 'weir/open', tier: 'open', limits: {} }),
    policyDocument({ policy: 'weir/strict', tier: 'strict', access: { ...OPEN_ACCESS, allowStale: false } }),
    policyDocument({ policy: 'weir/euro', tier: 'euro', feeds: ['weir/euro'] }),
    policyDocument({ policy: 'weir/suspended', tier: 'suspended', suspend: true }),
    policyDocument({ policy: 'weir/udp', tier: 'udp', access: { ...OPEN_ACCESS, protocols: ['udp'] } }),
    policyDocument({ policy: 'weir/small', tier: 'small', limits: { requestsPerSecond: 0.1, burst: 3 } }),
    policyDocument({
      policy: 'weir/dry',
      tier: 'dry',
      mode: 'DryRun',
      suspend: true,
      feeds: [],
      limits: {},
    }),
    policyDocument({
      policy: 'weir/dry-rate',
      tier: 'dry-rate',
      mode: 'DryRun',
      limits: { requestsPerSecond: 0.1, burst: 1 },
    }),
  );
  const nowMs = Math.round(harness.valkey.serverTimeMs());
  await harness.putPrice({ asset: 'BTC' });
  await harness.putPrice({ asset: 'BTC', quote: 'EUR', priceText: '77000.5' });
  await harness.putPrice({ asset: 'ETH', priceText: '0.000000000000000001' });
  await harness.putPrice({ asset: 'OLD', confirmedAtMs: nowMs - 30_000 });
  await harness.putPrice({ asset: 'GONE', confirmedAtMs: nowMs - 120_000 });
  pod = await harness.startPod();
}, 60_000);

afterAll(() => harness.stop());

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
}

describe('GET /price', () => {
  test('serves the record with its true age', async () => {
    const answer = await pod.get('/price?asset=BTC', await harness.putKey());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('private');
    expect(answer.body).toMatchObject({ asset: 'BTC', quote: 'USD', price_text: '84737.58', cached: true });
    const { timestamp, age_ms: ageMs } = answer.body;
    const expected = harness.valkey.serverTimeMs() - Date.parse(String(timestamp));
    expect(Math.abs(Number(ageMs) - expected)).toBeLessThan(2_000);
  });

  test('keeps every digit', async () => {
    const answer = await pod.get('/price?asset=ETH', await harness.putKey());
    expect(answer.text).toContain('"price":0.000000000000000001,');
  });

  test('knows quotes, and BTC-USD as BTC', async () => {
    const key = await harness.putKey();
    expect((await pod.get('/price?asset=BTC-EUR', key)).body).toMatchObject({ quote: 'EUR', price_text: '77000.5' });
    expect((await pod.get('/price?asset=BTC-USD', key)).body).toMatchObject({ asset: 'BTC', quote: 'USD' });
  });

  test('serves a stale price with its age, a dead one only where the policy allows it', async () => {
    const [open, strict] = [await harness.putKey({ tier: 'open' }), await harness.putKey({ tier: 'strict' })];
    expect((await pod.get('/price?asset=OLD', strict)).body).toMatchObject({ status: 'stale', asset: 'OLD' });
    const dead = await pod.get('/price?asset=GONE', open);
    expect(dead.body).toMatchObject({ status: 'dead', asset: 'GONE' });
    expect(Number(dead.body['age_ms'])).toBeGreaterThanOrEqual(120_000);
    const refused = await pod.get('/price?asset=GONE', strict);
    expectProblem(refused, 503, 'PRICE_DEAD');
    expect(Number(refused.body['age_ms'])).toBeGreaterThanOrEqual(120_000);
    expect(refused.headers.get('retry-after')).toBe('1');
  });

  test('a declared pair without a price is not available yet', async () => {
    expectProblem(await pod.get('/price?asset=NONE', await harness.putKey()), 503, 'PRICE_NOT_AVAILABLE');
  });
});

describe('keys', () => {
  test('no key, another scheme and a wrong checksum are told apart', async () => {
    const missing = await pod.get('/price?asset=BTC');
    expectProblem(missing, 401, 'KEY_MISSING');
    expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="weir"');
    const basic = await pod.get('/price?asset=BTC', undefined, { authorization: 'Basic d2VpcjpwYXNz' });
    expectProblem(basic, 401, 'KEY_MISSING');
    expect(basic.body['detail']).toContain('does not begin with "Bearer"');
    const malformed = await pod.get('/price?asset=BTC', `${createKeyText('live').slice(0, -1)}!`);
    expectProblem(malformed, 401, 'KEY_MALFORMED');
    expect(malformed.headers.get('www-authenticate')).toBe('Bearer realm="weir", error="invalid_token"');
  });

  test('a key that cannot be found out about is unavailable, and unknown only when Valkey is complete', async () => {
    expectProblem(await pod.get('/price?asset=BTC', createKeyText('live')), 503, 'KEY_STORE_UNAVAILABLE');
    const complete = keyspace.apiKeysComplete.key({ tag: '0' });
    await harness.valkey.bulk.call('SET', complete, 'epoch', 'EX', 30);
    expectProblem(await pod.get('/price?asset=BTC', createKeyText('live')), 401, 'KEY_UNKNOWN');
    await harness.valkey.bulk.call('DEL', complete);
  });

  test('revoked and expired keys are refused', async () => {
    const revoked = await harness.putKey({ revoked: true });
    const expired = await harness.putKey({ expiresAtMs: Math.round(harness.valkey.serverTimeMs()) - 10_000 });
    expectProblem(await pod.get('/price?asset=BTC', revoked), 401, 'KEY_REVOKED');
    expectProblem(await pod.get('/price?asset=BTC', expired), 401, 'KEY_EXPIRED');
  });
});

describe('policies', () => {
  test.each([
    ['none', 'POLICY_MISSING'],
    ['suspended', 'POLICY_SUSPENDED'],
    ['udp', 'PROTOCOL_NOT_ALLOWED'],
    ['euro', 'ASSET_NOT_ALLOWED'],
  ])('tier %s is refused with %s', async (tier, code) => {
    expectProblem(await pod.get('/price?asset=BTC', await harness.putKey({ tier })), 403, code);
  });

  test('a policy of certain feeds serves their pairs', async () => {
    expect((await pod.get('/price?asset=BTC-EUR', await harness.putKey({ tier: 'euro' }))).status).toBe(200);
  });

  test.each([
    ['dry', 5],
    ['dry-rate', 4],
  ])('a dry run refuses nothing, and counts what it would have refused: tier %s', async (tier, refusals) => {
    const counted = async (): Promise<number> => {
      const { text } = await pod.get('/metrics');
      return Number(/weir_price_decisions_total\{[^}]*outcome="dry_run_refused"[^}]*\} (\d+)/.exec(text)?.[1]);
    };
    const key = await harness.putKey({ tier });
    const before = await counted();
    for (let call = 0; call < 5; call += 1) expect((await pod.get('/price?asset=BTC', key)).status).toBe(200);
    expect((await counted()) - before).toBe(refusals);
  });

  test('a changed policy binds the next requests', async () => {
    const changing = { policy: 'weir/changing', tier: 'changing' };
    await harness.publishPolicies(policyDocument(changing));
    const key = await harness.putKey({ tier: 'changing' });
    await expect.poll(async () => (await pod.get('/price?asset=BTC', key)).status).toBe(200);
    await harness.publishPolicies(policyDocument({ ...changing, suspend: true }));
    await expect.poll(async () => (await pod.get('/price?asset=BTC', key)).body['code']).toBe('POLICY_SUSPENDED');
  });
});

describe('limits', () => {
  test('an answer names policy and what is left', async () => {
    const key = await harness.putKey({ tier: 'small' });
    const answers: Answer[] = [];
    for (let call = 0; call < 4; call += 1) answers.push(await pod.get('/price?asset=BTC', key));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    for (const { headers } of answers) expect(headers.get('ratelimit-policy')).toBe('"bucket";q=3;w=30');
    expect(answers.map(({ headers }) => headers.get('ratelimit')?.split(';t=')[0])).toEqual([
      '"bucket";r=2',
      '"bucket";r=1',
      '"bucket";r=0',
      '"bucket";r=0',
    ]);
  });

  test('a refusal names the limit and one instant, three times over', async () => {
    const key = await harness.putKey({ tier: 'small' });
    for (let call = 0; call < 3; call += 1) await pod.get('/price?asset=BTC', key);
    const before = harness.valkey.serverTimeMs();
    const refused = await pod.get('/price?asset=BTC', key);
    expectProblem(refused, 429, 'RATE_LIMITED');
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(10);
    expect(refused.headers.get('ratelimit')).toBe(`"bucket";r=0;t=${seconds}`);
    expect(refused.body).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      'violated-policies': ['bucket'],
      limit: 'bucket',
      quota: 3,
      window_seconds: 30,
      used: 3,
      held: 0,
      remaining: 0,
      retry_after_seconds: seconds,
    });
    const resetInMs = Date.parse(String(refused.body['reset'])) - before;
    expect(Math.abs(resetInMs - seconds * 1_000)).toBeLessThan(2_000);
  });

  test('a key without limits gets no such headers', async () => {
    const { status, headers } = await pod.get('/price?asset=BTC', await harness.putKey({ tier: 'open' }));
    expect(status).toBe(200);
    expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null]);
  });

  test('what is refused before the limits is not charged', async () => {
    const key = await harness.putKey({ tier: 'small' });
    const nothing = await pod.get('/price', key);
    expectProblem(nothing, 400, 'INVALID_REQUEST');
    expect(nothing.body['detail']).toContain('query asset: is missing');
    const small = await pod.get('/price?asset=btc-usd', key);
    expectProblem(small, 400, 'INVALID_REQUEST');
    expect(small.body['errors']).toMatchObject([{ field: 'asset', fix: 'Write BTC.' }]);
    expectProblem(await pod.get('/price?asset=BTC&asset=ETH', key), 400, 'INVALID_REQUEST');
    expectProblem(await pod.get('/price?asset=UNKNOWN', key), 404, 'ASSET_UNKNOWN');
    expectProblem(await pod.get('/prices?assets=UNKNOWN', key), 404, 'ASSET_UNKNOWN');
    expect((await pod.get('/assets', key)).status).toBe(200);
    expect((await pod.get('/price?asset=BTC', key)).headers.get('ratelimit')).toMatch(/^"bucket";r=2;/);
  });
});

describe('GET /prices', () => {
  test('answers what it can, says why for the rest, and charges what it answered', async () => {
    const key = await harness.putKey();
    const answer = await pod.get('/prices?assets=BTC,ETH,BTC-EUR,NONE,UNKNOWN,btc', key);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      prices: [{ asset: 'BTC' }, { asset: 'ETH' }, { asset: 'BTC', quote: 'EUR' }],
      errors: [
        { asset: 'NONE', code: 'PRICE_NOT_AVAILABLE' },
        { asset: 'UNKNOWN', code: 'ASSET_UNKNOWN' },
        { asset: 'btc', code: 'INVALID_REQUEST' },
      ],
    });
    expect(answer.headers.get('ratelimit')).toMatch(/^"bucket";r=17;/);
  });

  test('answers an asset once however often it is named', async () => {
    const answer = await pod.get('/prices?assets=BTC,BTC,,BTC-USD', await harness.putKey());
    expect(answer.body['prices']).toHaveLength(1);
    expect(answer.headers.get('ratelimit')).toMatch(/^"bucket";r=19;/);
  });

  test('takes at most 100 assets, and no more than the limit ever admits', async () => {
    const list = Array.from({ length: 101 }, (_, index) => `A${index}`).join(',');
    const tooMany = await pod.get(`/prices?assets=${list}`, await harness.putKey({ tier: 'open' }));
    expectProblem(tooMany, 400, 'INVALID_REQUEST');
    const wide = await pod.get('/prices?assets=BTC,ETH,OLD,GONE', await harness.putKey({ tier: 'small' }));
    expectProblem(wide, 400, 'INVALID_REQUEST');
    expect(wide.body['detail']).toContain('more than 3 calls');
  });

  test('without any asset is no request', async () => {
    const key = await harness.putKey();
    for (const path of ['/prices', '/prices?assets=', '/prices?assets=,%20,'])
      expectProblem(await pod.get(path, key), 400, 'INVALID_REQUEST');
  });

  test('is refused as a whole when the bucket has too little', async () => {
    const key = await harness.putKey({ tier: 'small' });
    await pod.get('/price?asset=BTC', key);
    await pod.get('/price?asset=BTC', key);
    expectProblem(await pod.get('/prices?assets=BTC,ETH', key), 429, 'RATE_LIMITED');
    expect((await pod.get('/price?asset=BTC', key)).status).toBe(200);
  });

  test('100 assets at once', async () => {
    const assets = Array.from({ length: 100 }, (_, index) => `M${index}`);
    await harness.publishFeeds(feedDocument({ feed: 'weir/many', assets }));
    for (const asset of assets) await harness.putPrice({ asset });
    const key = await harness.putKey({ tier: 'wide' });
    await expect
      .poll(async () => (await pod.get(`/prices?assets=${assets.join(',')}`, key)).body['prices'])
      .toHaveLength(100);
  });
});

describe('what else it says', () => {
  test('/assets lists what the key may ask for', async () => {
    const euro = await pod.get('/assets', await harness.putKey({ tier: 'euro' }));
    const freshness = { fresh_ms: 5_000, stale_ms: 15_000, dead_ms: 60_000 };
    expect(euro.body).toEqual({
      assets: [{ pair: 'BTC-EUR', asset: 'BTC', quote: 'EUR', feed: 'weir/euro', freshness }],
    });
    const all = await pod.get('/assets', await harness.putKey());
    expect(all.text).toContain('"pair":"GONE"');
    expectProblem(await pod.get('/assets'), 401, 'KEY_MISSING');
  });

  test('/health says how its stores are', async () => {
    const { body } = await pod.get('/health');
    expect(body).toMatchObject({
      status: 'ok',
      service: 'price',
      redis: { connected: true, enabled: true, usedMemory: expect.any(Number), connectedClients: expect.any(Number) },
      rateLimiting: { mode: 'distributed', local: {}, distributed: {} },
    });
  });

  test('/openapi.json describes every route, and /docs shows them', async () => {
    const { body } = await pod.get('/openapi.json');
    expect(Object.keys(body['paths'] ?? {})).toEqual(expect.arrayContaining(['/price', '/prices', '/assets']));
    expect((await pod.get('/docs')).text).toContain('/prices');
  });

  test('/openapi.json names the refusals of a route by status, and the headers of its limits', async () => {
    const { body } = await pod.get('/openapi.json');
    const limits = { RateLimit: {}, 'RateLimit-Policy': {} };
    expect(body).toMatchObject({
      paths: {
        '/price': {
          get: {
            responses: {
              200: { headers: limits, content: { 'application/json': { schema: { properties: { price_text: {} } } } } },
              401: { description: expect.stringContaining('KEY_MISSING') },
              429: { description: expect.stringContaining('RATE_LIMITED'), headers: { ...limits, 'Retry-After': {} } },
            },
          },
        },
      },
    });
    expect(body).not.toHaveProperty(['paths', '/assets', 'get', 'responses', '429']);
    expect((await pod.get('/docs')).text).toContain('<code>Retry-After</code>');
  });

  test('/metrics counts answers by class and prices by tier', async () => {
    const { text } = await pod.get('/metrics');
    expect(text).toMatch(/weir_price_responses_total\{[^}]*status="2xx"[^}]*\} [1-9]/);
    expect(text).toMatch(/weir_price_responses_total\{[^}]*status="4xx"[^}]*\} [1-9]/);
    expect(text).toMatch(/weir_price_responses_total\{[^}]*status="5xx"[^}]*\} [1-9]/);
    expect(text).toMatch(/weir_price_reads_total\{[^}]*tier="memory"[^}]*\} [1-9]/);
    expect(text).toMatch(/weir_price_age(_seconds)?_count [1-9]/);
  });

  test('unknown routes are problems', async () => {
    expectProblem(await pod.get('/nothing'), 404, 'NOT_FOUND');
  });
});
