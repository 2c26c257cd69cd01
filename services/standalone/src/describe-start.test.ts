import type { FeedDocument, PolicyDocument } from '@weir/wire';
import { describe, expect, it } from 'vitest';
import { curlLine, keyToTry, pairToTry } from './describe-start.ts';

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
  it('is a pair of a feed that prices and that the policy admits', () => {
    const feeds = [feed('a/off', ['X'], 'USD', true), feed('a/euro', ['BTC'], 'EUR'), feed('a/usd', ['ETH'])];
    expect(pairToTry(feeds, undefined)).toBe('BTC-EUR');
    expect(pairToTry(feeds, policy({ feeds: ['a/usd'] }))).toBe('ETH');
    expect(pairToTry(feeds, policy({ feeds: ['a/off'] }))).toBeUndefined();
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
});
