import { describe, expect, it } from 'vitest';
import {
  compileApiKeyPolicy,
  compilePriceFeed,
  createResourceReader,
  type ApiKeyPolicy,
  type PriceFeed,
  type Resource,
} from './index.ts';

const reader = createResourceReader();
const read = (kind: string, name: string, spec: string): Resource => {
  const header = `apiVersion: weir.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: prices }`;
  const { resources, faults } = reader.read(`${header}\nspec: ${spec}`, 'f.yaml');
  const [located] = resources;
  if (located === undefined) throw new Error(JSON.stringify(faults));
  return located.resource;
};
const feed = (spec: string): PriceFeed => {
  const resource = read('PriceFeed', 'majors', spec);
  if (resource.kind !== 'PriceFeed') throw new Error('no PriceFeed was read');
  return resource;
};
const policy = (spec: string): ApiKeyPolicy => {
  const resource = read('ApiKeyPolicy', 'pro', spec);
  if (resource.kind !== 'ApiKeyPolicy') throw new Error('no ApiKeyPolicy was read');
  return resource;
};
const sources = 'sources: [{ name: kraken, exchange: kraken }]';

describe('a PriceFeed', () => {
  it('compiles with every default', () => {
    expect(compilePriceFeed(feed(`{ assets: [BTC], ${sources} }`))).toEqual({
      feed: 'prices/majors',
      suspend: false,
      assets: ['BTC'],
      quote: 'USD',
      sources: [{ name: 'kraken', exchange: 'kraken' }],
      aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
      freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
      publish: { intervalMs: 50, heartbeatMs: 1_000 },
      fallback: { enabled: true },
    });
  });

  it.each([
    ['suspend: true', { suspend: true }],
    ['quote: EUR', { quote: 'EUR' }],
    ['aggregation: { method: Priority }', { aggregation: { method: 'Priority', minSources: 1, maxDeviationBps: 50 } }],
    ['freshness: { fresh: 1500ms, dead: 2h }', { freshness: { freshMs: 1_500, staleMs: 15_000, deadMs: 7_200_000 } }],
    [
      'freshness: { fresh: 61s, stale: 2m, dead: 5m }, publish: { interval: 1s, heartbeat: 1m }',
      { publish: { intervalMs: 1_000, heartbeatMs: 60_000 } },
    ],
    ['fallback: { enabled: false }', { fallback: { enabled: false } }],
  ])('with %s', (field, expected) => {
    expect(compilePriceFeed(feed(`{ assets: [BTC], ${sources}, ${field} }`))).toMatchObject(expected);
  });

  it.each([
    ['url: "wss://x/v2", restUrl: "https://x"', { url: 'wss://x/v2', restUrl: 'https://x' }],
    ['restUrl: "https://x"', { restUrl: 'https://x' }],
    ['symbols: { BTC: XBT/USD }', { symbols: { BTC: 'XBT/USD' } }],
    ['prewarm: {}', { prewarm: { intervalMs: 30_000 } }],
    ['quota: { points: 60, duration: 1m }', { quota: { points: 60, durationMs: 60_000, window: 'Smooth' } }],
  ])('whose source has %s', (field, expected) => {
    const { sources: compiled } = compilePriceFeed(
      feed(`{ assets: [BTC], sources: [{ name: kraken, exchange: kraken, ${field} }] }`),
    );
    expect(compiled).toEqual([{ name: 'kraken', exchange: 'kraken', ...expected }]);
  });
});

/** What a feed demands of every duration in its document, or it does not follow it: `readFeedDocument` of services/feed. */
const READER_MS = { min: 1, max: 2 ** 31 - 1 };

describe('the durations of a PriceFeed', () => {
  const spec = (fields: string, source = ''): string =>
    `{ assets: [BTC], sources: [{ name: kraken, exchange: kraken${source} }]${fields} }`;

  it.each([
    // The shortest heartbeat is shorter than the shortest freshness.
    spec(', freshness: { fresh: 101ms, stale: 102ms, dead: 103ms }, publish: { heartbeat: 100ms }'),
    spec(', freshness: { fresh: 23h59m59s998ms, stale: 23h59m59s999ms, dead: 24h }'),
    spec(', publish: { interval: 10ms, heartbeat: 100ms }'),
    spec(', freshness: { fresh: 61s, stale: 62s, dead: 63s }, publish: { interval: 10s, heartbeat: 60s }'),
    spec('', ', prewarm: { interval: 1s }, quota: { points: 1, duration: 1s }'),
    spec('', ', prewarm: { interval: 24h }, quota: { points: 1, duration: 24h }'),
  ])('are at the bounds of the schema what the feed accepts: %s', (text) => {
    const { freshness, publish, sources: compiled } = compilePriceFeed(feed(text));
    const times = [
      ...Object.values(freshness),
      ...Object.values(publish),
      ...compiled.flatMap(({ prewarm, quota }) => [prewarm?.intervalMs ?? 1, quota?.durationMs ?? 1]),
    ];
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(READER_MS.min);
      expect(time).toBeLessThanOrEqual(READER_MS.max);
    }
  });

  it.each([
    spec(', freshness: { fresh: 99ms }'),
    spec(', freshness: { dead: 24h1ms }'),
    spec(', publish: { interval: 0ms }'),
    spec(', freshness: { fresh: 61s, stale: 62s, dead: 63s }, publish: { interval: 10s1ms, heartbeat: 60s }'),
    spec(', publish: { interval: 10ms, heartbeat: 99ms }'),
    spec(', freshness: { fresh: 61s, stale: 62s, dead: 63s }, publish: { heartbeat: 60s1ms }'),
    spec('', ', prewarm: { interval: 999ms }'),
    spec('', ', prewarm: { interval: 24h1ms }'),
    spec('', ', quota: { points: 1, duration: 999ms }'),
    spec('', ', quota: { points: 1, duration: 24h1ms }'),
  ])('beyond the bounds are refused: %s', (text) => {
    expect(() => feed(text)).toThrow('must be');
  });
});

describe('the symbols of a source', () => {
  it('may be the same at another source, and need not name every asset', () => {
    const symbols = 'symbols: { BTC: BTC-USD }';
    const both = `[{ name: kraken, exchange: kraken, ${symbols} }, { name: coinbase, exchange: coinbase, ${symbols} }]`;
    expect(compilePriceFeed(feed(`{ assets: [BTC, ETH], sources: ${both} }`)).sources).toHaveLength(2);
  });
});

describe('an ApiKeyPolicy', () => {
  it('compiles with every default', () => {
    expect(compileApiKeyPolicy(policy('{}'))).toEqual({
      policy: 'prices/pro',
      suspend: false,
      mode: 'Enforce',
      limits: {},
      budget: {},
      costs: { priceMicro: 0, reportMicro: 0 },
      access: { protocols: ['http', 'udp', 'sse'], allowStale: true, onDemandAssets: false },
      onValkeyFailure: 'LocalLimit',
      keys: [],
    });
  });

  it.each([
    ['suspend: true', { suspend: true }],
    ['mode: DryRun', { mode: 'DryRun' }],
    ['tier: pro', { tier: 'pro' }],
    ['feedRefs: [{ name: majors }]', { feeds: ['prices/majors'] }],
    ['limits: { requestsPerSecond: 10, burst: 20 }', { limits: { requestsPerSecond: 10, burst: 20 } }],
    ['limits: { requestsPerSecond: 10 }', { limits: { requestsPerSecond: 10 } }],
    ['limits: { minimumWait: 1500ms }', { limits: { minimumWaitMs: 1_500 } }],
    ['limits: { requestsPerMonth: 0 }', { limits: { requestsPerMonth: 0 } }],
    ['budget: { daily: "5.00", monthly: "0.000001" }', { budget: { dailyMicro: 5_000_000, monthlyMicro: 1 } }],
    ['costs: { price: "0.0001", report: "0.01" }', { costs: { priceMicro: 100, reportMicro: 10_000 } }],
    ['access: { protocols: [udp], allowStale: false }', { access: { protocols: ['udp'], allowStale: false } }],
    ['onValkeyFailure: Deny', { onValkeyFailure: 'Deny' }],
  ])('with %s', (field, expected) => {
    expect(compileApiKeyPolicy(policy(`{ ${field} }`))).toMatchObject(expected);
  });

  it('compiles its keys without a text', () => {
    const spec = `{ keys: [{ name: acme, project: p, secretRef: { name: acme-key }, expiresAt: 2027-01-01T00:00:00Z,
      rotate: { every: 720h } }, { name: plain, project: p, secretRef: { name: plain-key } }] }`;
    expect(compileApiKeyPolicy(policy(spec)).keys).toEqual([
      {
        name: 'acme',
        project: 'p',
        secretName: 'acme-key',
        expiresAtMs: Date.UTC(2027, 0, 1),
        rotate: { everyMs: 2_592_000_000, overlapMs: 86_400_000 },
      },
      { name: 'plain', project: 'p', secretName: 'plain-key' },
    ]);
  });
});
