import type { FeedDocument, FeedSource } from '@weir/wire';
import { describe, expect, it } from 'vitest';
import { planSimulation, simulateSources } from './simulate-venues.ts';

const addresses = { kraken: { ws: 'ws://127.0.0.1:1/v2', rest: 'http://127.0.0.1:1' } };
const feed = (sources: readonly FeedSource[], minSources = 1): FeedDocument => ({
  feed: 'default/majors',
  suspend: false,
  assets: ['BTC', 'ETH'],
  quote: 'EUR',
  sources,
  aggregation: { method: 'Median', minSources, maxDeviationBps: 50 },
  freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
  publish: { intervalMs: 50, heartbeatMs: 1_000 },
  fallback: { enabled: true },
});
const kraken = { name: 'a', exchange: 'kraken' };
const gemini = { name: 'b', exchange: 'gemini' };
const unknown = { name: 'c', exchange: 'bitfinex' };

describe('simulated venues', () => {
  it('list the pairs of every feed, on the exchanges that feeds name', () => {
    const plan = planSimulation([feed([kraken, unknown]), { ...feed([kraken]), assets: ['BTC', 'SOL'], quote: 'USD' }]);
    expect(plan.venues).toEqual(['kraken']);
    expect(plan.pairs.map(({ asset, quote }) => `${asset}-${quote}`)).toEqual([
      'BTC-EUR',
      'ETH-EUR',
      'BTC-USD',
      'SOL-USD',
    ]);
  });

  it('are those whose address no source has of its own', () => {
    const own = { ...gemini, url: 'ws://example/1' };
    expect(planSimulation([feed([own])]).venues).toEqual([]);
    expect(planSimulation([feed([own]), feed([gemini])]).venues).toEqual(['gemini']);
  });

  it('become the addresses of sources', () => {
    const { feeds, leftOut } = simulateSources([feed([kraken])], addresses);
    expect(feeds[0]?.sources).toEqual([{ ...kraken, url: 'ws://127.0.0.1:1/v2', restUrl: 'http://127.0.0.1:1' }]);
    expect(leftOut).toEqual([]);
  });

  it('leave an address alone that a source has of its own', () => {
    const own = { ...gemini, url: 'ws://example/1' };
    expect(simulateSources([feed([own])], addresses).feeds[0]?.sources).toEqual([own]);
  });

  it('leave out what nothing simulates, and ask for no more sources than are left', () => {
    const { feeds, leftOut } = simulateSources([feed([kraken, unknown], 2)], addresses);
    expect(feeds[0]?.sources.map(({ name }) => name)).toEqual(['a']);
    expect(feeds[0]?.aggregation.minSources).toBe(1);
    expect(leftOut).toEqual(['default/majors c']);
  });

  it('refuse a feed without any simulated source, with what to do', () => {
    expect(() => simulateSources([feed([unknown])], addresses)).toThrow(
      /default\/majors.*coinbase, kraken.*--venues live/,
    );
  });
});
