import { expect, test } from 'vitest';
import { histogramQuantile, readHistogram, subtractHistogram } from './histogram.ts';

const page = (...samples: readonly number[]): string =>
  ['10', '20', '+Inf'].map((le, index) => `d_ms_bucket{feed="a",le="${le}"} ${samples[index]}`).join('\n');

test('a quantile lies linearly within its bucket', () => {
  const histogram = readHistogram(page(50, 100, 100), 'd_ms');
  expect(histogram).toEqual({ bounds: [10, 20, Infinity], cumulative: [50, 100, 100], count: 100 });
  expect(histogramQuantile(histogram, 0.5)).toBe(10);
  expect(histogramQuantile(histogram, 0.25)).toBe(5);
  expect(histogramQuantile(histogram, 0.75)).toBe(15);
});

test('what lies beyond the last bound is not made smaller than it', () => {
  expect(histogramQuantile(readHistogram(page(0, 0, 10), 'd_ms'), 0.99)).toBe(20);
});

test('only what was added counts, over all labels', () => {
  const after = readHistogram(`${page(5, 6, 7)}\n${page(1, 1, 1).replaceAll('"a"', '"b"')}`, 'd_ms');
  const before = readHistogram(page(4, 5, 6), 'd_ms');
  expect(subtractHistogram(after, before)).toMatchObject({ cumulative: [2, 2, 2], count: 2 });
});

test('of no samples there is no quantile', () => {
  expect(readHistogram('', 'd_ms').count).toBe(0);
  expect(histogramQuantile(readHistogram('', 'd_ms'), 0.5)).toBeNaN();
});
