import { describe, expect, it } from 'vitest';
import { createFairPrices } from './fair-prices.ts';
import { listMarkets } from './list-markets.ts';
import { createMarket, type Market } from './market.ts';
import type { DollarQuote } from './protocol.ts';
import { createStrikes } from './strikes.ts';
import { noFaults, type VenueFaults } from './venue-faults.ts';

const pairs = [
  { asset: 'BTC', quote: 'USD', price: '64000.0' },
  { asset: 'ETH', quote: 'USD', price: '3000.00' },
  { asset: 'USDT', quote: 'USD', price: '0.9980' },
];

function open(quotes: readonly DollarQuote[] = ['USD']): { market: Market; faults: VenueFaults; step(): boolean } {
  const faults = noFaults();
  const fair = createFairPrices(1, pairs);
  const market = createMarket({
    venue: 'kraken',
    seed: 1,
    listings: listMarkets(pairs, quotes),
    fair,
    faults,
    strikes: createStrikes(),
    openedMs: 0,
    symbolOf: (asset, quote) => `${asset}/${quote}`,
  });
  return { market, faults, step: () => market.follow(fair.step() ?? 0, 0).length > 0 };
}

const priceOf = (market: Market, pair: string): number => Number(market.productOf(pair).last?.price);

describe('a market', () => {
  it('walks only while the system is online, and takes a set price at any time', () => {
    const { market, step } = open();
    const walks = (): boolean => Array.from({ length: 20 }, step).includes(true);
    expect(walks()).toBe(true);
    market.maintenance = { system: 'maintenance' };
    expect(walks()).toBe(false);
    expect(market.setPrice('BTC', '1', 0).last?.price).toBe('1.0');
    expect(market.productOf('BTC').last?.price).toBe('1.0');
  });

  it('holds a set price until it is released', () => {
    const { market } = open();
    market.setPrice('BTC', '1', 0);
    expect(market.follow(0, 0)).toEqual([]);
    market.release('BTC');
    expect(market.follow(0, 0)).toHaveLength(1);
    expect(priceOf(market, 'BTC')).toBeGreaterThan(60_000);
  });

  it('in USDT trades at the fair price divided by the rate', () => {
    const { market } = open(['USDT']);
    expect([...market.products.keys()]).toEqual(['BTC/USDT', 'ETH/USDT']);
    expect(market.productOf('BTC').last?.price).toBe('64128.3');
    expect(market.productOf('ETH-USDT').last?.price).toBe('3006.01');
    market.follow(0, 0);
    expect(Math.abs(priceOf(market, 'BTC') / 64_128.3 - 1)).toBeLessThan(0.000_1);
  });

  it('with both quotes trades both', () => {
    const { market } = open(['USDT', 'USD']);
    expect(market.follow(0, 0).map(({ symbol }) => symbol)).toEqual(['BTC/USDT', 'BTC/USD']);
  });

  it('that lies is off by so many basis points, and one that is frozen does not move', () => {
    const { market, faults } = open();
    faults.lieBps = -300;
    market.follow(0, 0);
    expect(priceOf(market, 'BTC') / 64_000).toBeCloseTo(0.97, 3);
    faults.isFrozen = true;
    expect(market.follow(0, 0)).toEqual([]);
    expect(market.burst(10, 0)).toEqual([]);
  });

  it('with a crossed book bids more than it asks', () => {
    const { market, faults } = open();
    faults.crossedBps = 40;
    const [product] = market.follow(0, 0);
    const { bid = '', ask = '' } = product?.last ?? {};
    expect((Number(bid) - Number(ask)) / 64_000).toBeCloseTo(0.004, 4);
  });

  it('does not know a part of its symbols, always the same one', () => {
    const { market, faults } = open();
    const known = (): boolean[] => [...market.products.keys()].map((symbol) => market.find(symbol) !== undefined);
    expect(known()).toEqual([true, true, true]);
    faults.unknownShare = 0.5;
    expect(known()).toEqual(known());
    faults.unknownShare = 1;
    expect(known()).toEqual([false, false, false]);
  });

  it('trades a burst of any products at once', () => {
    const { market } = open();
    const symbols = market.burst(200, 0).map(({ symbol }) => symbol);
    expect(symbols).toHaveLength(200);
    expect(new Set(symbols).size).toBe(3);
  });
});
