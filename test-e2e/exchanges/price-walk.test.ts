import { describe, expect, it } from 'vitest';
import { parseFixed } from './fixed-point.ts';
import { addNoise, createPriceWalk } from './price-walk.ts';
import { createRandom } from './random.ts';

const starts = [parseFixed('84737.58'), parseFixed('0.13110')];
const steps = (seed: number, count: number): string[] => {
  const walk = createPriceWalk(seed, starts);
  return Array.from({ length: count }, () => walk.next()).map((step) => `${step?.index} ${step?.units}`);
};

describe('the price walk', () => {
  it('gives the same steps for the same seed, others for another seed', () => {
    expect(steps(7, 500)).toEqual(steps(7, 500));
    expect(steps(7, 500)).not.toEqual(steps(8, 500));
  });

  it('keeps two venues of one seed within a few basis points of each other, for ever', () => {
    const walk = createPriceWalk(3, starts);
    const [one, other] = [createRandom('one'), createRandom('other')];
    const gaps = Array.from({ length: 20_000 }, () => {
      const units = walk.next()?.units ?? 0n;
      const [a, b] = [addNoise(units, one), addNoise(units, other)];
      return Math.abs(Number(a - b)) / Number(a);
    });
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 / 10_000);
    expect(gaps.filter((gap) => gap > 0).length).toBeGreaterThan(10_000);
  });

  it('stays between half and about twice the start', () => {
    const walk = createPriceWalk(1, [parseFixed('10')]);
    const seen = Array.from({ length: 20_000 }, () => Number(walk.next()?.units));
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...seen)).toBeLessThanOrEqual(21);
  });

  it('stays within its band, around the price it is set to', () => {
    const walk = createPriceWalk(1, [{ ...parseFixed('1.0002'), bandBps: 50 }]);
    const seen = (): number[] => Array.from({ length: 20_000 }, () => Number(walk.next()?.units));
    const around = seen();
    expect(Math.min(...around)).toBeGreaterThanOrEqual(9_951);
    expect(Math.max(...around)).toBeLessThanOrEqual(10_053);
    walk.set(0, 9_000n);
    expect(walk.units(0)).toBe(9_000n);
    expect(Math.max(...seen())).toBeLessThanOrEqual(9_046);
  });

  it('has no steps when nothing walks', () => {
    expect(createPriceWalk(1, []).next()).toBeUndefined();
  });
});
