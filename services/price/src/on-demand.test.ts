import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import type { FindMarkets } from './find-market.ts';
import { createOnDemandAssets } from './on-demand.ts';
import { createPriceTable, type Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';

function start() {
  const clock = createFakeClock();
  const table = createPriceTable();
  const documents = ['weir/a', 'weir/b'].map((feed) => feedDocument({ feed, assets: [] }));
  table.declare(new Map(documents.map((document) => [document.feed, document])), 0);
  const asked: string[][] = [];
  const findMarkets: FindMarkets = async (pair, feeds) => {
    asked.push([...feeds].map(({ feed }) => feed));
    const fetcher = { batch: () => Promise.reject(new Error('no')), one: () => Promise.reject(new Error('no')) };
    const instrument = { ...pair, symbol: pair.asset };
    return { offers: [{ venue: 'kraken', instrument, isConverted: false, fetcher }], isComplete: true };
  };
  const onDemand = createOnDemandAssets({ table, findMarkets, clock });
  const find = async (asset: string, feeds?: readonly string[]): Promise<Slot> => {
    const slot = await onDemand.find({ asset, quote: 'USD' }, { feeds: feeds && new Set(feeds) });
    if (slot instanceof Refusal) throw new Error(slot.problem.detail);
    return slot;
  };
  return { onDemand, find, asked };
}

test('who asks and has not paid pushes out nothing that was paid for', async () => {
  const { onDemand, find } = start();
  const paid = await find('SOL');
  expect(onDemand.size).toBe(0);
  onDemand.keep(paid);
  for (let index = 0; index < 2_500; index += 1) await find(`N${index}`);
  expect(onDemand.size).toBe(1);
  expect(await find('SOL')).toBe(paid);
});

test('of what was paid for, no more than a thousand pairs are kept, those used last', async () => {
  const { onDemand, find } = start();
  const [loyal, gone] = [await find('LOYAL'), await find('GONE')];
  onDemand.keep(loyal);
  onDemand.keep(gone);
  for (let index = 0; index < 1_500; index += 1) {
    onDemand.keep(await find(`N${index}`));
    if (index % 100 === 0) await find('LOYAL');
  }
  expect(onDemand.size).toBe(1_000);
  expect(await find('LOYAL')).toBe(loyal);
  expect(await find('GONE')).not.toBe(gone);
});

test('keys that may use the same feeds share a place, others have their own, with the feeds that may be asked', async () => {
  const { onDemand, find, asked } = start();
  const [all, onlyB, ab] = [await find('SOL'), await find('SOL', ['weir/b']), await find('SOL', ['weir/b', 'weir/a'])];
  for (const slot of [all, onlyB, ab]) onDemand.keep(slot);
  expect(asked).toEqual([['weir/a', 'weir/b'], ['weir/b'], ['weir/a', 'weir/b']]);
  expect(new Set([all, onlyB, ab]).size).toBe(3);
  expect(await find('SOL', ['weir/a', 'weir/b'])).toBe(ab);
  expect(await find('SOL', ['weir/b'])).toBe(onlyB);
  expect(onlyB.feeds).toEqual(new Set(['weir/b']));
});
