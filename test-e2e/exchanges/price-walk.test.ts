import { describe, expect, it } from 'vitest';
import { parseFixed } from './fixed-point.ts';
import { createPriceWalk } from './price-walk.ts';

const starts = [parseFixed('84737.58'), parseFixed('0.13110')];
const steps = (seed: number, venue: string, count: number): string[] => {
  const walk = createPriceWalk(seed, venue, starts);
  return Array.from({ length: count }, () => walk.next()).map((step) => `${step?.index} ${step?.units}`);
};

describe('the price walk', () => {
  it('gives the same steps for the same seed and venue, others for another seed', () => {
    expect(steps(7, 'kraken', 500)).toEqual(steps(7, 'kraken', 500));
    expect(steps(7, 'kraken', 500)).not.toEqual(steps(8, 'kraken', 500));
  });

  it('keeps two venues of one seed within a few basis points of each other, for ever', () => {
    const one = createPriceWalk(3, 'coinbase', starts);
    const other = createPriceWalk(3, 'kraken', starts);
    const gaps = Array.from({ length: 20_000 }, () => {
      const [a, b] = [one.next(), other.next()];
      if (a === undefined || b?.index !== a.index) return Infinity;
      return Math.abs(Number(a.units - b.units)) / Number(a.units);
    });
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 / 10_000);
    expect(gaps.filter((gap) => gap > 0).length).toBeGreaterThan(10_000);
  });

  it('stays between half and about twice the start', () => {
    const walk = createPriceWalk(1, 'kraken', [parseFixed('10')]);
    const seen = Array.from({ length: 20_000 }, () => Number(walk.next()?.units));
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...seen)).toBeLessThanOrEqual(21);
  });

  it('has no steps when nothing walks', () => {
    expect(createPriceWalk(1, 'kraken', []).next()).toBeUndefined();
  });
});
