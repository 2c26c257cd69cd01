import { describe, expect, it } from 'vitest';
import { createFairPrices } from './fair-prices.ts';

const pairs = [
  { asset: 'BTC', quote: 'USD', price: '64000.00' },
  { asset: 'USDT', quote: 'USD', price: '1.0002' },
  { asset: 'BTC', quote: 'EUR', price: '59000.00' },
  { asset: 'NEW', quote: 'USD' },
];

describe('the true prices', () => {
  it('are known of every pair that walks, and of what is converted', () => {
    const fair = createFairPrices(1, pairs);
    expect(fair.truth('BTC')).toBe('64000.00');
    expect(fair.truth('BTC-EUR')).toBe('59000.00');
    expect(fair.truth('BTC-USDT')).toBe('63987.20');
    expect([fair.truth('NEW'), fair.truth('ETH'), fair.truth('no pair')]).toEqual([undefined, undefined, undefined]);
    expect(fair.truths()).toEqual({ 'BTC-USD': '64000.00', 'USDT-USD': '1.0002', 'BTC-EUR': '59000.00' });
  });

  it('move one pair at a time, and keep USDT near a dollar', () => {
    const fair = createFairPrices(1, pairs);
    const rates = Array.from({ length: 20_000 }, () => {
      expect([0, 1, 2]).toContain(fair.step());
      return Number(fair.truth('USDT'));
    });
    expect(Math.min(...rates)).toBeGreaterThan(0.995);
    expect(Math.max(...rates)).toBeLessThan(1.006);
    expect(fair.truth('BTC')).not.toBe('64000.00');
  });

  it('jump to where they are set, in their own tick size', () => {
    const fair = createFairPrices(1, pairs);
    expect(fair.set('BTC', '70000.5')).toBe(0);
    expect(fair.truth('BTC')).toBe('70000.50');
    fair.set('BTC', '1.23456');
    expect(fair.truth('BTC')).toBe('1.23');
    expect(() => fair.set('NEW', '1')).toThrow('no fair price walks for "NEW"');
  });
});
