/**
 * Where the dollar rate of USDT is held, for prices that a venue tells in USDT: in the slot of a feed that keeps USDT, else
 * in one of its own, which is fetched as any price that no feed keeps, once in a minute at most.
 */
import type { Clock } from '@weir/clock';
import { parseDecimal, RATE_AGE_MS_MAX, isUsableRate, type DollarRate } from '@weir/wire';
import { createOnDemandFeed } from './on-demand.ts';
import { newSlot, type PriceTable, type Slot } from './price-table.ts';

const USDT_PAIR = 'USDT';

export function createUsdtSlot(table: Pick<PriceTable, 'slot'>, clock: Clock): () => Slot {
  const limits = { freshMs: RATE_AGE_MS_MAX, staleMs: RATE_AGE_MS_MAX, deadMs: RATE_AGE_MS_MAX };
  const own = newSlot(USDT_PAIR, createOnDemandFeed(clock, limits), true);
  return () => table.slot(USDT_PAIR) ?? own;
}

/** What the slot holds, if prices may be converted by it. */
export function rateIn({ record }: Slot, serverNowMs: number): DollarRate | undefined {
  const price = record && parseDecimal(record.priceText);
  if (record === undefined || price === undefined) return undefined;
  const rate = { price, confirmedMs: record.confirmedAtMs };
  return isUsableRate(rate, serverNowMs) ? rate : undefined;
}
