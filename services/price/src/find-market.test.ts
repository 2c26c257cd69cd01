import type { Upstreams } from '@weir/upstream';
import type { Instrument } from '@weir/venues';
import { expect, it } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { createMarketFinder } from './find-market.ts';

const BTC: Instrument = { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' };
const NOBODY = { batch: () => Promise.reject(new Error('asked')), one: () => Promise.reject(new Error('asked')) };

const listing = (instrument: Instrument): Pick<Upstreams, 'of'> => ({
  of: () => ({ fetcher: NOBODY, instruments: { load: () => Promise.resolve(new Map([['BTC-USD', instrument]])) } }),
});
const find = (instrument: Instrument) =>
  createMarketFinder(listing(instrument))({ asset: 'BTC', quote: 'USD' }, [feedDocument()]);

it('finds a market that a venue lists', async () => {
  const { offers, isComplete } = await find(BTC);
  expect(offers.map(({ venue, instrument }) => [venue, instrument.symbol])).toEqual([['coinbase', 'BTC-USD']]);
  expect(isComplete).toBe(true);
});

it('asks nobody for a market that stands still by the list, nor takes it for one that is not there', async () => {
  expect(await find({ ...BTC, isHalted: true })).toEqual({ offers: [], isComplete: false });
});
