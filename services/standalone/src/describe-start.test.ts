import type { FeedDocument, PolicyDocument } from '@weir/wire';
import { describe, expect, it } from 'vitest';
import { clientLines, curlLine, describePrices, keyToTry, ownAddresses, pairsToTry } from './describe-start.ts';

const feed = (name: string, assets: string[], quote = 'USD', suspend = false): FeedDocument => ({
  feed: name,
  suspend,
  assets,
  quote,
  sources: [],
  aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
  freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
  publish: { intervalMs: 50, heartbeatMs: 1_000 },
  fallback: { enabled: true },
});
const policy = (fields: Partial<PolicyDocument>): PolicyDocument => ({
  policy: 'default/demo',
  suspend: false,
  mode: 'Enforce',
  limits: {},
  budget: {},
  costs: { priceMicro: 0, reportMicro: 0 },
  access: { protocols: ['http'], allowStale: true, onDemandAssets: false },
  onValkeyFailure: 'LocalLimit',
  keys: [],
  ...fields,
});
const key = (name: string, fields: Partial<PolicyDocument> = {}) => ({
  key: { name, project: 'p', secretName: 's' },
  policy: policy(fields),
  text: 't',
  file: 'f',
});

describe('what to try first', () => {
  it('are pairs of feeds that price and that the policy admits', () => {
    const feeds = [feed('a/off', ['X'], 'USD', true), feed('a/euro', ['BTC'], 'EUR'), feed('a/usd', ['ETH'])];
    expect(pairsToTry(feeds, undefined)).toEqual(['BTC-EUR', 'ETH']);
    expect(pairsToTry(feeds, policy({ feeds: ['a/usd'] }))).toEqual(['ETH']);
    expect(pairsToTry(feeds, policy({ feeds: ['a/off'] }))).toEqual([]);
  });

  it('is asked for with a key that may use HTTP', () => {
    const udp = key('udp', { access: { protocols: ['udp'], allowStale: true, onDemandAssets: false } });
    expect(keyToTry([key('off', { suspend: true }), udp, key('good')])?.key.name).toBe('good');
    expect(keyToTry([udp])).toBeUndefined();
  });

  it('is a line to paste', () => {
    const url = 'http://127.0.0.1:8080';
    expect(curlLine({ url, pair: 'BTC-EUR', key: key('k') })).toBe(
      'curl -sS -H "Authorization: Bearer t" "http://127.0.0.1:8080/price?asset=BTC-EUR"',
    );
    expect(curlLine({ url, pair: 'BTC', key: undefined })).toBe('curl -sS "http://127.0.0.1:8080/health"');
  });

  it('is a line for each client that the policy lets the key use', () => {
    const url = 'http://127.0.0.1:9090';
    const protocols = (...names: PolicyDocument['access']['protocols'][number][]) =>
      key('k', { access: { protocols: names, allowStale: true, onDemandAssets: false } });
    expect(clientLines({ url, pair: 'ETH', key: protocols('http', 'udp', 'sse') })).toEqual([
      'WEIR_API_KEY=t npm run --silent sse -- --url http://127.0.0.1:9090 ETH',
      'WEIR_API_KEY=t npm run --silent udp -- --url http://127.0.0.1:9090 ETH',
    ]);
    expect(clientLines({ url, pair: 'ETH', key: protocols('http') })).toEqual([]);
    expect(clientLines({ url, pair: undefined, key: protocols('udp') })).toEqual([]);
  });
});

describe('what is said of prices', () => {
  const record = { priceText: '3138.46', quote: 'USD' };
  const sources = [
    { name: 'kraken', state: 'ok', message: '1 of 2 symbols refused' },
    { name: 'okx', state: 'down', message: 'connection refused' },
    { name: 'gemini', state: 'connecting', message: '' },
  ];
  const said = ['kraken: 1 of 2 symbols refused', 'okx is down: connection refused', 'gemini is connecting'];

  it('is the price, and why there is none of the pair that was wanted first', () => {
    expect(describePrices('ETH', { pair: 'ETH', record }, sources)).toEqual(['ETH 3138.46 USD']);
    expect(describePrices('BTC', { pair: 'ETH', record }, sources)).toEqual([
      'ETH 3138.46 USD; none yet of BTC',
      ...said,
    ]);
    expect(describePrices('BTC', undefined, sources)).toEqual(['none yet', ...said]);
  });
});

describe('addresses that files name', () => {
  it('are told by feed and source', () => {
    const source = { name: 'k', exchange: 'kraken', url: 'ws://127.0.0.1:9/v2', restUrl: 'http://127.0.0.1:9' };
    const document = { ...feed('a/b', ['BTC']), sources: [{ name: 'okx', exchange: 'okx' }, source] };
    expect(ownAddresses([document])).toEqual(['a/b k ws://127.0.0.1:9/v2, as its file says']);
  });
});
