import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAssetOwnership, type Claim } from './asset-ownership.ts';

const claim = (key: string, second: number, assets: readonly string[], quote = 'USD'): Claim => ({
  key,
  creationTimestamp: `2026-01-01T00:00:0${second}Z`,
  assets,
  quote,
});

const lostBy = (ownership: ReturnType<typeof createAssetOwnership>, key: string) =>
  Object.fromEntries(ownership.lostBy(key));

test('a pair belongs to the oldest feed that names it, whichever was heard of first', () => {
  const ownership = createAssetOwnership();
  ownership.claim(claim('ns/young', 2, ['BTC', 'ETH']));
  const affected = ownership.claim(claim('ns/old', 1, ['BTC', 'SOL']));
  expect([...affected].toSorted()).toEqual(['ns/old', 'ns/young']);
  expect(ownership.ownerOf('BTC')).toBe('ns/old');
  expect(lostBy(ownership, 'ns/young')).toEqual({ 'ns/old': ['BTC'] });
  expect(lostBy(ownership, 'ns/old')).toEqual({});
});

test('of two of one age, the first by name', () => {
  const ownership = createAssetOwnership();
  ownership.claim(claim('ns/b', 1, ['BTC']));
  ownership.claim(claim('ns/a', 1, ['BTC']));
  expect(ownership.ownerOf('BTC')).toBe('ns/a');
});

test('the same asset in another quote is another pair', () => {
  const ownership = createAssetOwnership();
  ownership.claim(claim('ns/a', 1, ['BTC']));
  ownership.claim(claim('ns/b', 2, ['BTC'], 'EUR'));
  expect([ownership.ownerOf('BTC'), ownership.ownerOf('BTC-EUR')]).toEqual(['ns/a', 'ns/b']);
  expect(lostBy(ownership, 'ns/b')).toEqual({});
});

test('whoever lost a pair has it once its owner is gone, and is told', () => {
  const ownership = createAssetOwnership();
  ownership.claim(claim('ns/a', 1, ['BTC']));
  ownership.claim(claim('ns/b', 2, ['BTC']));
  ownership.claim(claim('ns/c', 3, ['BTC']));
  expect([...ownership.withdraw('ns/a')].toSorted()).toEqual(['ns/a', 'ns/b', 'ns/c']);
  expect(lostBy(ownership, 'ns/c')).toEqual({ 'ns/b': ['BTC'] });
});

test('a feed that drops an asset hands on that one alone', () => {
  const ownership = createAssetOwnership();
  ownership.claim(claim('ns/a', 1, ['BTC', 'ETH']));
  ownership.claim(claim('ns/b', 2, ['BTC', 'ETH']));
  ownership.claim(claim('ns/a', 1, ['ETH']));
  expect(lostBy(ownership, 'ns/b')).toEqual({ 'ns/a': ['ETH'] });
});

test('after any history the owners are those of the claims that stand', () => {
  const step = fc.record({
    key: fc.constantFrom('ns/a', 'ns/b', 'ns/c', 'ns/d'),
    assets: fc.option(fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1 })),
  });
  const ages: Record<string, number> = { 'ns/a': 3, 'ns/b': 1, 'ns/c': 2, 'ns/d': 1 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ownership = createAssetOwnership();
      const standing = new Map<string, readonly string[]>();
      for (const { key, assets } of steps) {
        if (assets === null) {
          ownership.withdraw(key);
          standing.delete(key);
        } else {
          ownership.claim(claim(key, ages[key] ?? 0, assets));
          standing.set(key, assets);
        }
      }
      for (const asset of ['A', 'B', 'C', 'D']) {
        const [oldest] = [...standing]
          .filter(([, assets]) => assets.includes(asset))
          .map(([key]) => key)
          .toSorted((a, b) => (ages[a] ?? 0) - (ages[b] ?? 0) || (a < b ? -1 : 1));
        expect(ownership.ownerOf(asset)).toBe(oldest);
      }
    }),
  );
});
