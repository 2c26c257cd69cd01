import { expect, test } from 'vitest';
import { createTruthMover, driftBps } from './move-truth.ts';

test('goes ten basis points a second, and turns round before it is far away', () => {
  expect(driftBps(0, 1_000, 2_000)).toBeCloseTo(10);
  expect(driftBps(0, 18_000, 19_000)).toBeCloseTo(-10);
  for (const place of [0, 1, 2, 3]) expect(driftBps(place, 0, 34_000)).toBeCloseTo(0);
});

test('moves every asset by what is due since the last time, and USDT back to its price', async () => {
  const truths: Record<string, number> = { BTC: 100, USDT: 0.99 };
  const move = createTruthMover(
    {
      assets: ['BTC'],
      tetherPrice: '0.995',
      readTruths: () => Promise.resolve(truths),
      setTruth: (asset, price) => void (truths[asset] = Number(price)),
    },
    0,
  );
  await move(1_000);
  expect(truths).toEqual({ BTC: 100.1, USDT: 0.995 });
  await move(1_000);
  expect(truths['BTC']).toBe(100.1);
});
