import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLookupRate } from './lookup-rate.ts';

test('admits the limit at once and the next one second after the first', () => {
  const rate = createLookupRate(3);
  expect([0, 10, 20, 30, 999].map((at) => rate.take(at))).toEqual([true, true, true, false, false]);
  expect(rate.take(1_000)).toBe(true);
  expect(rate.take(1_005)).toBe(false);
  expect(rate.take(1_010)).toBe(true);
});

test('never admits more than the limit in any second', () => {
  const steps = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (limit, gaps) => {
      const rate = createLookupRate(limit);
      let now = 0;
      const admitted: number[] = [];
      for (const gap of gaps) {
        now += gap;
        if (rate.take(now)) admitted.push(now);
      }
      return admitted.every((at, index) => {
        const before = admitted[index - limit];
        return before === undefined || at - before >= 1_000;
      });
    }),
  );
});
