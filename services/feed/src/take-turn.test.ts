import fc from 'fast-check';
import { expect, test } from 'vitest';
import { takeTurn } from './take-turn.ts';

test('turns of any size visit every item equally often, in order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 25 }), (length, count) => {
      const items = Array.from({ length }, (_, index) => index);
      const seen: number[] = [];
      let from = 0;
      for (let turn = 0; turn < length; turn += 1) {
        const { items: taken, next } = takeTurn(items, from, count);
        expect(taken).toHaveLength(Math.min(count, length));
        seen.push(...taken);
        from = next;
      }
      expect(seen).toEqual(seen.map((_, index) => index % length));
    }),
  );
});

test('of no items there are none to take', () => {
  expect(takeTurn([], 3, 5)).toEqual({ items: [], next: 0 });
});
