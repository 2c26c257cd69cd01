import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile } from './numbers.ts';

describe('percentile', () => {
  it('takes the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
  });

  it('knows of nothing that nothing is known', () => {
    expect(percentile([], 0.99)).toBeNaN();
  });

  it('is a value that at least the share does not exceed, and less than the share lies below', () => {
    const values = fc.array(fc.integer(), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const sorted = Float64Array.from(list).toSorted();
        const value = percentile(sorted, share);
        const below = list.filter((each) => each < value).length;
        const within = list.filter((each) => each <= value).length;
        expect(within).toBeGreaterThanOrEqual(list.length * share);
        expect(below === 0 || below < list.length * share).toBe(true);
      }),
    );
  });
});

describe('median', () => {
  it('is the middle, or between the two middles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
